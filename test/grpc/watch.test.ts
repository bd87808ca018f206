import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import type { MetricBatch, MetricEntry } from "../../src/metrics/metric.ts";
import { parseRunState } from "../../src/metrics/run-state.ts";
import {
  batch,
  droppedIn,
  entry,
  metric,
  metrics,
  recordedRun,
  steps,
  temporaryFolder,
  TIME,
} from "../monitor/fixture.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { connect, monitorIn, served, until } from "./fixture.ts";
import { rawWatcher } from "./raw-watcher.ts";

/** An entry that takes more than 100 bytes on the wire. */
const long = (step: number): MetricEntry => ({ ...entry(step), metric: { ...metric(step), unit: "x".repeat(100) } });

/** Watches into an array until the stream ends or is left. */
function watching(client: ReturnType<typeof connect>, request: Parameters<typeof client.watch>[0] = {}) {
  const batches: MetricBatch[] = [];
  const state = { completed: false, error: undefined as Error | undefined };
  const subscription = client.watch(request).subscribe({
    next: (each) => batches.push(each),
    complete: () => (state.completed = true),
    error: (error: Error) => (state.error = error),
  });
  return { batches, state, subscription };
}

describe("Monitor.Watch of a run", () => {
  it("gives the values as they were recorded, the past first, and completes with the run", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), [metric(1), metric(2, "eval/bpd")]);
    const { batches, state } = watching(connect(await served(feed)));
    await until(() => steps(batches).length === 2);
    write([{ name: "train/loss", step: 3, value: -1.25e-300, unit: "1", time: "2026-01-02T03:04:05.001Z" }]);
    await until(() => steps(batches).length === 3);
    feed.close();
    await until(() => state.completed);
    expect(batches[0]).toEqual({
      runId: "run",
      node: "node",
      sequence: 1,
      dropped: 0,
      metrics: [metric(1), metric(2, "eval/bpd")],
    });
    expect(batches[0]!.metrics[0]!.time).toBe(TIME);
    expect(batches[1]!.metrics).toEqual([
      { name: "train/loss", step: 3, value: -1.25e-300, unit: "1", time: "2026-01-02T03:04:05.001Z" },
    ]);
    expect(batches[1]!.sequence).toBe(3);
  });

  it("gives NaN, and steps beyond 32 bits", async () => {
    const { feed } = recordedRun(temporaryFolder(), [{ ...metric(2 ** 40), value: NaN }]);
    const [got] = await lastValueFrom(
      connect(await served(feed))
        .watch({ span: "PAST" })
        .pipe(toArray()),
    );
    expect(got!.metrics[0]).toMatchObject({ step: 2 ** 40, value: NaN });
  });

  it("replays from a step, and filters by name, node and run", async () => {
    const past = [...metrics(1, 10), ...metrics(1, 10, "train/grad_norm"), ...metrics(10, 10, "eval/bpd")];
    const { feed } = recordedRun(temporaryFolder(), past);
    const client = connect(await served(feed));
    const get = async (request: Parameters<typeof client.watch>[0]) => {
      const batches = await lastValueFrom(client.watch({ ...request, span: "PAST" }).pipe(toArray()));
      return batches.flatMap(({ metrics }) => metrics.map(({ name, step }) => `${name} ${step}`));
    };
    expect(await get({ fromStep: 9, names: ["train/*"] })).toEqual([
      "train/loss 9",
      "train/loss 10",
      "train/grad_norm 9",
      "train/grad_norm 10",
    ]);
    expect(await get({ names: ["eval/bpd", "train/loss"], fromStep: 10 })).toEqual(["train/loss 10", "eval/bpd 10"]);
    expect(await get({ runIds: ["other"] })).toEqual([]);
    expect(await get({ nodes: ["other"] })).toEqual([]);
    expect(await get({ runIds: ["other", "run"], nodes: ["node"] })).toHaveLength(21);
  });

  it("goes on after the place that a watcher has, past and live, whatever it filters", async () => {
    const past = Array.from({ length: 20 }, (_, i) => metric(i + 1, i % 2 ? "eval/loss" : "train/loss"));
    const { feed, write } = recordedRun(temporaryFolder(), past);
    const client = connect(await served(feed));
    const train = { names: ["train/*"] };
    const first = await lastValueFrom(client.watch({ ...train, span: "PAST" }).pipe(toArray()));
    expect(first.map(({ sequence, last }) => [sequence, last])).toEqual([[1, 19]]);
    const place = { runId: "run", node: "node", sequence: first.at(-1)!.last! };
    const { batches } = watching(client, { ...train, after: [{ ...place, node: "other", sequence: 99 }, place] });
    await until(() => feed.live.observed);
    write([metric(21, "eval/loss"), metric(22)]);
    await until(() => batches.length > 0);
    expect(steps(batches)).toEqual([22]);
    const all = watching(client, { after: [{ ...place, sequence: 23 }] });
    await until(() => (feed.live as unknown as { observers: unknown[] }).observers.length === 2);
    write([metric(23), metric(24)]);
    await until(() => all.batches.length > 0);
    expect(steps(all.batches)).toEqual([24]);
  });

  it("gets a sign of life while nothing comes, which the client keeps to itself", async () => {
    const { feed, write } = recordedRun(temporaryFolder());
    const server = await served(feed, { heartbeat: 20 });
    const raw = rawWatcher(server);
    raw.read();
    const { batches } = watching(connect(server));
    await until(() => raw.batches.length >= 3);
    expect(raw.batches.map(({ runId, metrics }) => [runId, metrics])).toEqual(raw.batches.map(() => ["", []]));
    write([metric(1)]);
    await until(() => batches.length > 0);
    expect(steps(batches)).toEqual([1]);
  });

  it("fails where the run goes on and only the telling ends; completes once its state says so", async () => {
    for (const [phase, completes] of [
      ["training", false],
      ["failed", true],
    ] as const) {
      const folder = temporaryFolder();
      const { feed, reader } = recordedRun(folder);
      const { batches, state } = watching(connect(await served(feed)));
      await until(() => feed.live.observed);
      new MetricLog(reader.path, reader.owner).addState(parseRunState({ phase, time: TIME })!);
      feed.refresh();
      await until(() => batches.length === 1);
      feed.close();
      await until(() => state.completed || state.error !== undefined);
      expect(state.completed).toBe(completes);
      if (!completes) expect(state.error!.message).toMatch(/UNAVAILABLE: .*watch again after the last sequence/);
    }
  });

  it("does not implement Push", async () => {
    const { feed } = recordedRun(temporaryFolder());
    const client = connect(await served(feed));
    async function* one() {
      yield batch(1, 1);
    }
    await expect(lastValueFrom(client.push(one(), 5000))).rejects.toThrow("UNIMPLEMENTED");
  });

  it("frees the watcher when the client goes away", async () => {
    const { feed } = recordedRun(temporaryFolder(), metrics(1, 1));
    const { batches, subscription, state } = watching(connect(await served(feed)));
    await until(() => batches.length === 1);
    expect(feed.live.observed).toBe(true);
    subscription.unsubscribe();
    await until(() => !feed.live.observed);
    expect(state).toEqual({ completed: false, error: undefined });
  });

  it("is an error for the watcher when the server is stopped in the middle", async () => {
    const { feed } = recordedRun(temporaryFolder(), metrics(1, 1));
    const server = await served(feed);
    const { batches, state } = watching(connect(server));
    await until(() => batches.length === 1);
    await server.close(50);
    await until(() => state.error !== undefined && !feed.live.observed);
  });
});

describe("many watchers", () => {
  it("a slow one is bounded and told what it lost, and neither the run nor the others notice", async () => {
    const { feed, write } = recordedRun(temporaryFolder());
    const server = await served(feed, { watchLimit: 1000 });
    const slow = rawWatcher(server);
    const quick = watching(connect(server));
    await until(() => (feed.live as unknown as { observers: unknown[] }).observers.length === 2);

    const got = () => steps(quick.batches).length + droppedIn(quick.batches);
    const rounds = 300;
    const each = 100;
    for (let round = 0; round < rounds; round++) {
      const first = round * each + 1;
      feed.live.next(Array.from({ length: each }, (_, i) => long(first + i)));
      // The slow one has read nothing: were it waited for, this would never end. The quick one sets the pace.
      do await new Promise(setImmediate);
      while (first - got() > 5 * each);
    }
    const total = rounds * each;
    await until(() => got() === total);
    expect(droppedIn(quick.batches)).toBe(0);

    slow.read();
    write([metric(total + 1)]);
    const late = slow.batches;
    await until(() => steps(late).includes(total + 1));
    expect(droppedIn(late)).toBeGreaterThan(total / 2);
    expect(steps(late).length + droppedIn(late)).toBe(total + 1);
    // The newest are kept: the last of those that waited, and what came after them.
    expect(steps(late).slice(-1000)).toEqual(metrics(total - 998, total + 1).map(({ step }) => step));
  });

  it("200 get everything", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), metrics(1, 50));
    const server = await served(feed);
    const clients = Array.from({ length: 20 }, () => connect(server));
    const watchers = Array.from({ length: 200 }, (_, i) => watching(clients[i % clients.length]!));
    for (let step = 51; step <= 100; step++) {
      write([metric(step)]);
      await new Promise(setImmediate);
    }
    feed.close();
    await until(() => watchers.every(({ state }) => state.completed));
    const expected = metrics(1, 100).map(({ step }) => step);
    for (const { batches } of watchers) expect(steps(batches)).toEqual(expected);
  });

  it("hear from a monitor that it stops: their runs go on", async () => {
    const monitor = await monitorIn(temporaryFolder());
    monitor.archive.accept(batch(1, 2));
    const { batches, state } = watching(connect(monitor));
    await until(() => batches.length === 1);
    monitor.archive.close();
    await until(() => state.completed || state.error !== undefined);
    expect(state.error?.message).toContain("UNAVAILABLE: this server stops");
    expect(await lastValueFrom(connect(monitor).watch({ span: "PAST" }).pipe(toArray()))).toHaveLength(1);
  });

  it("see all runs and nodes of a monitor, as they come", async () => {
    const monitor = await monitorIn(temporaryFolder());
    monitor.archive.accept(batch(1, 2, { runId: "first" }));
    const { batches } = watching(connect(monitor), { runIds: ["first", "second"] });
    await until(() => batches.length === 1);
    monitor.archive.accept(batch(1, 1, { runId: "second", node: "b" }));
    monitor.archive.accept(batch(1, 1, { runId: "third" }));
    monitor.archive.accept(batch(3, 1, { runId: "first" }));
    await until(() => batches.length === 3);
    expect(batches.map(({ runId, node }) => `${runId} ${node}`)).toEqual(["first node", "second b", "first node"]);
  });
});

it("a client without a server ends with UNAVAILABLE", async () => {
  const client = connect({ endpoint: { host: "127.0.0.1", port: 1 } });
  await expect(lastValueFrom(client.watch())).rejects.toThrow("UNAVAILABLE");
});
