/** Records, queues and filters at their borders. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Archive } from "../../src/monitor/archive.ts";
import { RunFeed } from "../../src/monitor/feed.ts";
import { dropTornLine, readLines, type Position } from "../../src/monitor/lines.ts";
import { isMetric, type Entry, type MetricBatch } from "../../src/metrics/metric.ts";
import { MetricLog, parseLine } from "../../src/monitor/metric-log.ts";
import { fanOut } from "../../src/metrics/metric-sink.ts";
import { identityOf } from "../../src/monitor/run-id.ts";
import { filterOf } from "../../src/monitor/watch-filter.ts";
import { WatchQueue } from "../../src/monitor/watch-queue.ts";
import { batch, collect, entry, metric, metrics, recordedRun, steps, temporaryFolder, TIME } from "./fixture.ts";

const owner = { runId: "run", node: "node" };
const CHUNK = 2 ** 16;

describe("a line of a record", () => {
  it("has its metric, and what it leaves out from its owner and its place", () => {
    const line = { name: "train/loss", step: 3, value: 0.5 };
    const given = { ...line, unit: "1", time: "" };
    expect(parseLine(JSON.stringify(line), 7, owner)).toEqual({ ...owner, sequence: 7, metric: given });
    const whole = { ...line, unit: "s", time: TIME, node: "other", sequence: 4 };
    const metric = { ...line, unit: "s", time: TIME };
    expect(parseLine(JSON.stringify(whole), 7, owner)).toEqual({ runId: "run", node: "other", sequence: 4, metric });
  });

  it.each(["", "{", "null", "7", '{"name":1,"step":1,"value":1}', '{"name":"a","value":1}', '{"name":"a","step":1}'])(
    "is no metric: %s",
    (text) => expect(parseLine(text, 1, owner)).toBeUndefined(),
  );
});

describe("a record", () => {
  const opened = () => new MetricLog(join(temporaryFolder(), "metrics.jsonl"), owner);

  it("knows its end in bytes, whatever the letters", () => {
    const log = opened();
    log.add({ ...metric(1), name: "ä/é" });
    log.append([entry(2), entry(3)]);
    expect(log.end).toEqual({ offset: readFileSync(log.path).length, line: 3 });
    log.sync();
    expect([...log.advance()]).toEqual([]);
    log.add(metric(4));
    expect([...log.advance()]).toEqual([]);
    expect(JSON.parse(readFileSync(log.path, "utf8").split("\n")[0]!)).toEqual({ ...metric(1), name: "ä/é" });
  });

  it("is read up to a place, and not at all where that is reached", () => {
    const log = opened();
    for (const each of metrics(1, 4)) log.add(each);
    const ends = [...log.read()].map(({ end }) => end);
    const between = (from: number, to: number) =>
      [...log.read(ends[from], ends[to])].map(({ entry }) => entry!.sequence);
    expect(between(0, 2)).toEqual([2, 3]);
    expect(between(2, 2)).toEqual([]);
    expect(between(2, 1)).toEqual([]);
  });

  it("is kept in batches by a filter, over the gaps that it makes", async () => {
    const log = opened();
    for (const each of metrics(1, 6)) log.add(each);
    const even = (entry: Entry) => isMetric(entry) && entry.metric.step % 2 === 0;
    const parts: { batch: MetricBatch; end: Position }[] = [];
    for await (const part of log.batchesInTurns(log.end, even)) parts.push(part);
    expect(parts.map(({ batch }) => [batch.sequence, steps([batch])])).toEqual([[2, [2, 4, 6]]]);
    expect(parts[0]!.end).toEqual(log.end);
  });

  it("ends where the file ends, though it was to be longer", async () => {
    const log = opened();
    for (const each of metrics(1, 2)) log.add(each);
    const read = async () => {
      const found: number[] = [];
      const beyond = { ...log.end, offset: log.end.offset + 100 };
      for await (const { batch } of log.batchesInTurns(beyond, isMetric)) found.push(...steps([batch]));
      return found;
    };
    expect(await Promise.race([read(), sleep(2000, "reads on for ever")])).toEqual([1, 2]);
  });

  it("that another thread writes is told on from where the feed began, the rest at its end", () => {
    const { feed, write, reader } = recordedRun(temporaryFolder(), metrics(1, 2));
    const told: (number[] | string)[] = [];
    const entriesOf = (entries: readonly Entry[]) => entries.map(({ sequence }) => sequence);
    feed.live.subscribe({ next: (entries) => told.push(entriesOf(entries)), complete: () => told.push("complete") });
    feed.refresh();
    write(metrics(3, 4));
    appendFileSync(reader.path, `${JSON.stringify(metric(5))}\n`);
    expect(told).toEqual([[3, 4]]);
    feed.close();
    expect(told).toEqual([[3, 4], [5], "complete"]);
    expect(new RunFeed(reader).logs()).toEqual([reader]);
  });
});

describe("lines", () => {
  it("are read where they are longer than a chunk, or end with one", () => {
    const path = join(temporaryFolder(), "lines");
    const lines = ["x".repeat(CHUNK - 1), "", "y".repeat(2 * CHUNK + 7), "z"];
    writeFileSync(path, `${lines.join("\n")}\nrest`);
    const read = [...readLines(path)];
    expect(read.map(({ text }) => text.length)).toEqual(lines.map(({ length }) => length));
    expect(read.map(({ end }) => end)).toEqual([
      { offset: CHUNK, line: 1 },
      { offset: CHUNK + 1, line: 2 },
      { offset: 3 * CHUNK + 9, line: 3 },
      { offset: 3 * CHUNK + 11, line: 4 },
    ]);
    expect([...readLines(path, read[2]!.end)]).toEqual([read[3]]);
  });

  it("lose what follows the last whole one, also behind a chunk", () => {
    const path = join(temporaryFolder(), "lines");
    const whole = `${"x".repeat(CHUNK)}\n`;
    writeFileSync(path, `${whole}torn`);
    dropTornLine(path);
    expect(readFileSync(path, "utf8")).toBe(whole);
    dropTornLine(join(temporaryFolder(), "none"));
    expect(() => dropTornLine(temporaryFolder())).not.toThrow();
  });
});

describe("an archive", () => {
  it("tells watchers what is new alone, and knows the places of each node", () => {
    const dir = temporaryFolder();
    const archive = new Archive(dir);
    const told: number[][] = [];
    let complete = false;
    archive.live.subscribe({
      next: (entries) => told.push(entries.map(({ sequence }) => sequence)),
      complete: () => (complete = true),
    });
    archive.accept(batch(5, 3));
    archive.accept(batch(1, 2));
    archive.accept(batch(6, 3));
    expect(told).toEqual([[5, 6, 7], [1, 2], [8]]);
    expect(archive.accept({ ...batch(1, 2), sequence: 0 })).toEqual({ stored: 2, duplicates: 0 });
    expect(archive.accept(batch(8, 1))).toEqual({ stored: 0, duplicates: 1 });
    expect(new Archive(dir).accept(batch(8, 1))).toEqual({ stored: 0, duplicates: 1 });
    expect(archive.accept({ ...batch(9, 0), metrics: [] })).toEqual({ stored: 0, duplicates: 0 });
    expect(told).toHaveLength(4);
    archive.close();
    expect(complete).toBe(true);
    archive.sync(["none"]);
  });
});

describe("a queue", () => {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));

  it("holds exactly its limit without a loss, and tells each loss once", async () => {
    const queue = new WatchQueue(3);
    queue.push(range(1, 3));
    const batches = queue.batches();
    expect((await batches.next()).value).toMatchObject({ sequence: 1, dropped: 0 });
    queue.push(range(4, 7));
    expect([queue.length, (await batches.next()).value]).toMatchObject([3, { sequence: 5, dropped: 1 }]);
    queue.push(range(8, 9));
    queue.push(range(10, 11));
    expect((await batches.next()).value).toMatchObject({ sequence: 9, dropped: 1 });
    queue.push([entry(12)]);
    queue.close();
    expect(await collect(batches)).toMatchObject([{ sequence: 12, dropped: 0 }]);
  });

  it.each([0, -1, 1.5, NaN])("has no limit of %d", (limit) => {
    expect(() => new WatchQueue(limit)).toThrow(`limit must be a positive integer, got ${limit}`);
  });
});

it("a filter takes any name of several, and steps from the first on", () => {
  const all = { runIds: [], nodes: [], names: [], fromStep: 0, span: "ALL" } as const;
  const named = (name: string) => ({ ...entry(3), metric: metric(3, name) });
  const keep = filterOf({ ...all, names: ["eval/bpd", "train/*"], fromStep: 3 });
  expect(["eval/bpd", "train/loss", "eval/fid", "x/train/"].map((name) => keep(named(name)))).toEqual([true, true, false, false]); // prettier-ignore
  expect(filterOf({ ...all, fromStep: 4 })(named("eval/bpd"))).toBe(false);
});

it("a sink that failed gets no more, is told about once, and is closed all the same", async () => {
  const told: string[] = [];
  let [pushed, closed] = [0, 0];
  const failing = {
    push: () => {
      pushed++;
      throw "no Error"; // eslint-disable-line @typescript-eslint/only-throw-error
    },
    close: async () => {
      closed++;
      throw new Error("again");
    },
  };
  const sink = fanOut([failing], (text) => told.push(text));
  sink.push(metric(1));
  sink.push(metric(2));
  await sink.close();
  expect([pushed, closed, told]).toEqual([1, 1, ["warning: metrics: no Error"]]);
});

it("a run's name is of the signs that a file name may have, at most 200", () => {
  const workdir = temporaryFolder();
  writeFileSync(join(workdir, "metrics.jsonl"), "");
  const named = (name: string) => {
    writeFileSync(join(workdir, "run-id"), `${name}\n`);
    return identityOf(workdir, "count").runId;
  };
  for (const name of ["a", "a.b-c_9", "x".repeat(200)]) expect(named(name)).toBe(name);
  for (const name of ["", "a b", "a/b", "x".repeat(201)]) expect(named(name)).toMatch(/^count-[0-9a-f]{8}$/);
  expect(readFileSync(join(workdir, "run-id"), "utf8")).toMatch(/^count-[0-9a-f]{8}\n$/);
});
