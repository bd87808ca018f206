import { join } from "node:path";
import { expect, it } from "vitest";
import { metricsThread } from "../../src/grpc/metrics-thread.ts";
import { MonitorClient } from "../../src/grpc/monitor-client.ts";
import { Pusher } from "../../src/grpc/pusher.ts";
import { serve } from "../../src/grpc/serve.ts";
import { Archive } from "../../src/monitor/archive.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { metric, metrics, steps, temporaryFolder } from "../monitor/fixture.ts";
import { LOCAL, until } from "./fixture.ts";

/** What would keep the process from ending, by kind; the test runner's own is there before and after. */
function handles(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/TCP|MessagePort|Worker|FSReq/.test(kind)) found[kind] = (found[kind] ?? 0) + 1;
  }
  return found;
}

const owner = { runId: "run", node: "node" };

it("server, watcher and pusher leave no handle, whichever ends first", async () => {
  const before = handles();
  for (const serverFirst of [true, false]) {
    const archive = new Archive(temporaryFolder());
    const server = await serve({ option: "--listen", endpoint: LOCAL, security: {}, feed: archive, store: archive, tell: () => {} }); // prettier-ignore
    const log = new MetricLog(join(temporaryFolder(), "metrics.jsonl"), owner);
    for (const each of metrics(1, 5)) log.add(each);
    const client = new MonitorClient(server.endpoint);
    const seen: number[] = [];
    const watching = client.watch().subscribe({ next: (batch) => seen.push(...steps([batch])), error: () => {} });
    const pusher = new Pusher({ client, log, name: "M", tell: () => {} });
    await until(() => seen.length === 5);
    expect(handles()).not.toEqual(before);
    if (serverFirst) await server.close(0);
    watching.unsubscribe();
    await pusher.close(serverFirst ? 0 : 5000);
    client.close();
    await server.close(0);
    await until(() => JSON.stringify(handles()) === JSON.stringify(before));
  }
});

it("the thread of a run ends with it, and ringing it costs the run next to nothing", async () => {
  const before = handles();
  const path = join(temporaryFolder(), "metrics.jsonl");
  const thread = await metricsThread(
    { path, runId: "run", node: "node", listen: { endpoint: LOCAL, security: {} } },
    () => {},
  );
  const client = new MonitorClient(thread.ready!);
  const log = new MetricLog(path, owner);
  log.add(metric(1));
  thread.push(metric(1));
  const seen: number[] = [];
  let completed = false;
  client.watch().subscribe({ next: (batch) => seen.push(...steps([batch])), complete: () => (completed = true) });
  await until(() => seen.length === 1);
  const count = 10_000;
  for (let step = 2; step <= count; step++) log.add(metric(step));
  const started = performance.now();
  for (let step = 1; step <= count; step++) thread.push(metric(step));
  // A microsecond or so each; 0.1 ms would still be nothing beside a step.
  expect((performance.now() - started) / count).toBeLessThan(0.1);
  await thread.close();
  await until(() => completed);
  expect(seen).toEqual(metrics(1, count).map(({ step }) => step));
  client.close();
  await until(() => JSON.stringify(handles()) === JSON.stringify(before));
});
