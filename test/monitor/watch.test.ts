import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fanOut } from "../../src/metrics/metric-sink.ts";
import { parseRunState } from "../../src/metrics/run-state.ts";
import { filterOf, matchesName, type WatchRequest } from "../../src/monitor/watch-filter.ts";
import { WatchQueue } from "../../src/monitor/watch-queue.ts";
import { watch } from "../../src/monitor/watch.ts";
import { collect, droppedIn, entry, metric, metrics, recordedRun, steps, temporaryFolder, TIME } from "./fixture.ts";

const all: WatchRequest = { runIds: [], nodes: [], names: [], fromStep: 0, span: "ALL" };

describe("WatchQueue", () => {
  const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));

  it("keeps the newest and tells once what was dropped", async () => {
    const queue = new WatchQueue(5);
    for (let i = 1; i <= 12; i++) queue.push([entry(i)]);
    expect(queue.length).toBe(5);
    queue.close();
    const batches = await collect(queue.batches());
    expect(steps(batches)).toEqual([8, 9, 10, 11, 12]);
    expect(batches.map(({ dropped }) => dropped)).toEqual([7]);
  });

  it("tells of what was dropped with the first batch only", async () => {
    const queue = new WatchQueue(2);
    queue.push([...entries(1, 3), entry(1, { node: "other" })]);
    queue.close();
    const batches = await collect(queue.batches());
    expect(batches.map(({ node, dropped }) => [node, dropped])).toEqual([["node", 2], ["other", 0]]); // prettier-ignore
  });

  it("keeps its bound when more than fits comes at once", async () => {
    const queue = new WatchQueue(3);
    queue.push(entries(1, 2));
    queue.push(entries(3, 10));
    expect(queue.length).toBe(3);
    queue.close();
    const batches = await collect(queue.batches());
    expect(steps(batches)).toEqual([8, 9, 10]);
    expect(droppedIn(batches)).toBe(7);
  });

  it("gives what comes while someone waits, and ends when closed", async () => {
    const queue = new WatchQueue(3);
    const batches = collect(queue.batches());
    await Promise.resolve();
    queue.push([entry(1)]);
    await new Promise(setImmediate);
    queue.push([entry(2)]);
    queue.close();
    queue.push([entry(3)]);
    expect(steps(await batches)).toEqual([1, 2]);
  });

  it("puts runs and nodes into batches of their own, 256 metrics at most", async () => {
    const queue = new WatchQueue(1000);
    queue.push([...entries(1, 300), entry(301, { node: "other" }), entry(1, { runId: "other" })]);
    queue.close();
    const batches = await collect(queue.batches());
    expect(batches.map(({ metrics }) => metrics.length)).toEqual([256, 44, 1, 1]);
    expect(batches.map(({ sequence }) => sequence)).toEqual([1, 257, 301, 1]);
  });

  it("refuses a limit of nothing", () => {
    expect(() => new WatchQueue(0)).toThrow(RangeError);
  });
});

describe("filters", () => {
  it.each([
    ["train/loss", "train/loss", true],
    ["train/loss", "train/loss2", false],
    ["train/*", "train/loss", true],
    ["*", "eval/bpd", true],
    ["train/*", "eval/loss", false],
  ])("%s and %s: %s", (pattern, name, expected) => expect(matchesName(pattern, name)).toBe(expected));

  it("hold together", () => {
    const keep = filterOf({ ...all, runIds: ["run"], nodes: ["a", "b"], names: ["train/*"], fromStep: 5 });
    expect(keep(entry(5, { node: "b" }))).toBe(true);
    expect(keep(entry(4, { node: "b" }))).toBe(false);
    expect(keep(entry(5, { node: "c" }))).toBe(false);
    expect(keep(entry(5, { node: "b", runId: "other" }))).toBe(false);
    expect(keep({ ...entry(5, { node: "b" }), metric: metric(5, "eval/bpd") })).toBe(false);
    const { metric: _, ...place } = entry(1, { node: "b" });
    expect(keep({ ...place, state: parseRunState({ phase: "training", time: TIME })! })).toBe(true);
  });

  it("leave out what a watcher has by its place, and nothing that has no place", () => {
    const keep = filterOf({ ...all, after: [{ runId: "run", node: "node", sequence: 3 }] });
    expect([0, 3, 4].map((sequence) => keep(entry(sequence)))).toEqual([true, false, true]);
    expect(keep(entry(3, { node: "other" }))).toBe(true);
  });
});

describe("watch", () => {
  it("gives the past, then what comes, nothing twice: also what comes while the past is read", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), metrics(1, 1000));
    const { batches } = watch(feed, all);
    const seen: number[] = [];
    for await (const batch of batches) {
      if (seen.length === 0) write(metrics(1001, 1010));
      seen.push(...steps([batch]));
      if (seen.length === 1010) write(metrics(1011, 1011));
      if (seen.length === 1011) feed.close();
    }
    expect(seen).toEqual(metrics(1, 1011).map(({ step }) => step));
  });

  it("gives others their turn while it looks through a record that has nothing of what is wanted", async () => {
    const { feed, path } = recordedRun(temporaryFolder());
    const line = `${JSON.stringify({ name: "train/loss", step: 1, value: 1, unit: "1", time: "", more: "x".repeat(900) })}\n`;
    appendFileSync(path, line.repeat(8000));
    feed.refresh();
    let turns = 0;
    const timer = setInterval(() => turns++);
    const found = await collect(watch(feed, { ...all, names: ["none"], span: "PAST" }).batches);
    clearInterval(timer);
    expect(found).toEqual([]);
    expect(turns).toBeGreaterThan(3);
    expect(steps(await collect(watch(feed, { ...all, span: "PAST" }).batches))).toHaveLength(8000);
  });

  it("gives only the past, or only what comes", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), metrics(1, 3));
    const coming = collect(watch(feed, { ...all, span: "NEW" }).batches);
    expect(steps(await collect(watch(feed, { ...all, span: "PAST" }).batches))).toEqual([1, 2, 3]);
    write(metrics(4, 5));
    feed.close();
    expect(steps(await coming)).toEqual([4, 5]);
  });

  it("holds no more than its limit for a watcher that does not read", async () => {
    const { feed, write } = recordedRun(temporaryFolder());
    const { batches } = watch(feed, { ...all, fromStep: 11 }, 20);
    write(metrics(1, 100));
    feed.close();
    const read = await collect(batches);
    expect(steps(read)).toEqual(metrics(81, 100).map(({ step }) => step));
    // Of the 90 that it wanted.
    expect(droppedIn(read)).toBe(70);
  });

  it("stops at once when closed, also while waiting", async () => {
    const { feed } = recordedRun(temporaryFolder());
    const { batches, close } = watch(feed, all);
    const reading = collect(batches);
    close();
    expect(await reading).toEqual([]);
    expect(feed.live.observed).toBe(false);
  });
});

describe("fanOut", () => {
  it("keeps the troubles of a sink from the others and from the run", async () => {
    const told: string[] = [];
    const seen: number[] = [];
    let closed = 0;
    const failing = {
      push: () => {
        throw new Error("boom");
      },
      close: async () => void closed++,
    };
    const unclosable = {
      push: ({ step }: { step: number }) => void seen.push(step),
      close: () => {
        throw new Error("stuck");
      },
    };
    const sink = fanOut([failing, unclosable], (text) => told.push(text));
    for (const each of metrics(1, 3)) sink.push(each);
    await sink.close();
    expect(seen).toEqual([1, 2, 3]);
    expect(closed).toBe(1);
    expect(told).toEqual(["warning: metrics: boom", "warning: metrics: stuck"]);
  });
});
