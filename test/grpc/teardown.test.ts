import { join } from "node:path";
import { lastValueFrom, tap } from "rxjs";
import { expect, it } from "vitest";
import { metricsThread } from "../../src/monitor/grpc/metrics-thread.ts";
import { MonitorClient } from "../../src/monitor/grpc/monitor-client.ts";
import { Pusher } from "../../src/monitor/grpc/pusher.ts";
import { PROTO, SERVICE, service } from "../../src/monitor/grpc/definition.ts";
import { serve } from "../../src/monitor/grpc/serve.ts";
import { startServer } from "../../src/grpc/server.ts";
import { Archive } from "../../src/monitor/archive.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { metric, metrics, steps, temporaryFolder } from "../monitor/fixture.ts";
import { LOCAL, until } from "./fixture.ts";

/**
 * What would keep the process from ending, by kind; the test runner's own is there before and after. All test files share
 * a process: what an earlier one lets go of may be there before and not after.
 */
function handles(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/TCP|MessagePort|Worker|FSReq/.test(kind)) found[kind] = (found[kind] ?? 0) + 1;
  }
  return found;
}

const noneOfOurs = (before: Record<string, number>) =>
  Object.entries(handles()).every(([kind, count]) => count <= (before[kind] ?? 0));

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
    await until(() => noneOfOurs(before));
  }
});

it.each([
  { taken: () => 0, grace: 50, least: 45 },
  // Ten times as long, and no longer.
  { taken: () => performance.now(), grace: 50, least: 495 },
])("a server waits for calls, longer while something is taken: at least $least ms", async ({ taken, grace, least }) => {
  let called = false;
  const handlers = { Watch: () => (called = true) };
  const server = await startServer({ name: SERVICE, proto: PROTO, service, handlers: handlers as never, taken }, { option: "--listen", endpoint: LOCAL, security: {}, tell: () => {} }); // prettier-ignore
  const client = new MonitorClient(server.endpoint);
  let ended = false;
  client.watch().subscribe({ error: () => (ended = true) });
  await until(() => called);
  const started = performance.now();
  await server.close(grace);
  expect(performance.now() - started).toBeGreaterThanOrEqual(least);
  await until(() => ended);
  client.close();
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
  const completed = lastValueFrom(client.watch().pipe(tap((batch) => seen.push(...steps([batch])))));
  await until(() => seen.length === 1);
  const count = 10_000;
  for (let step = 2; step <= count; step++) log.add(metric(step));
  const started = performance.now();
  for (let step = 1; step <= count; step++) thread.push(metric(step));
  // A microsecond or so each; 0.1 ms would still be nothing beside a step.
  expect((performance.now() - started) / count).toBeLessThan(0.1);
  await thread.close();
  await completed;
  expect(seen).toEqual(metrics(1, count).map(({ step }) => step));
  client.close();
  await until(() => noneOfOurs(before));
});
