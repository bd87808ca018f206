import fs, { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { isMetric } from "../../src/metrics/metric.ts";
import { dropTornLine, readLines } from "../../src/monitor/lines.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { identityOf } from "../../src/monitor/run-id.ts";
import { entry, metric, metrics, temporaryFolder } from "./fixture.ts";

const owner = { runId: "run", node: "node" };
const open = (path = join(temporaryFolder(), "metrics.jsonl")) => new MetricLog(path, owner);

describe("a record", () => {
  it("gives back what was added, numbered by line", () => {
    const log = open();
    for (const each of metrics(1, 3)) log.add(each);
    expect([...new MetricLog(log.path, owner).advance()]).toEqual([1, 2, 3].map((place) => entry(place)));
    expect(log.end).toEqual({ offset: statSync(log.path).size, line: 3 });
  });

  it("is empty before it exists", () => {
    expect([...open().advance()]).toEqual([]);
  });

  it("gives what came since, and not half a line", () => {
    const log = open();
    const reader = new MetricLog(log.path, owner);
    log.add(metric(1));
    reader.skip();
    const line = JSON.stringify(metric(2));
    appendFileSync(log.path, line.slice(0, 20));
    expect([...reader.advance()]).toEqual([]);
    appendFileSync(log.path, `${line.slice(20)}\n`);
    expect([...reader.advance()]).toEqual([entry(2)]);
  });

  it("leaves a gap where a line cannot be read, and breaks the batch there", () => {
    const log = open();
    log.add(metric(1));
    appendFileSync(log.path, '{"name": "tra\nnull\n{"name":"x","step":"1","value":2}\n');
    log.add(metric(5));
    const batches = [...new MetricLog(log.path, owner).batches()].map(({ batch }) => [batch.sequence, batch.metrics]);
    expect(batches).toEqual([
      [1, [metric(1)]],
      [5, [metric(5)]],
    ]);
  });

  it("keeps a value that is not finite as NaN", () => {
    const log = open();
    log.add({ ...metric(1), value: Infinity });
    const [read] = [...new MetricLog(log.path, owner).advance()].filter(isMetric);
    expect(read!.metric.value).toBeNaN();
  });

  it("keeps nodes and places of several nodes", () => {
    const log = open();
    const entries = [entry(7, { node: "a" }), entry(3, { node: "b" }), entry(0, { node: "c" })];
    log.append(entries);
    expect([...new MetricLog(log.path, owner).advance()]).toEqual(entries);
  });

  it("counts a line for each entry that is appended", () => {
    const log = open();
    log.append([entry(7), entry(8), entry(9)]);
    log.add(metric(4));
    expect(log.end).toEqual({ offset: statSync(log.path).size, line: 4 });
    expect([...log.advance()]).toEqual([]);
  });

  it("is as it was after a write that failed half-way, and goes on from there", () => {
    const log = open();
    log.add(metric(1));
    const before = readFileSync(log.path, "utf8");
    const write = fs.writeFileSync;
    const full = vi.spyOn(fs, "writeFileSync").mockImplementationOnce((path, text, options) => {
      write(path, String(text).slice(0, 30), options);
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    });
    try {
      expect(() => log.append([entry(2), entry(3)])).toThrow("no space");
    } finally {
      full.mockRestore();
    }
    expect(readFileSync(log.path, "utf8")).toBe(before);
    expect(log.end).toEqual({ offset: before.length, line: 1 });
    log.add(metric(2));
    expect([...new MetricLog(log.path, owner).advance()]).toEqual([entry(1), entry(2)]);
  });

  it("cuts batches at 256 metrics; each goes on where the one before ended", () => {
    const log = open();
    log.append(Array.from({ length: 600 }, (_, i) => entry(i + 1)));
    const parts = [...log.batches()];
    expect(parts.map(({ batch }) => batch.metrics.length)).toEqual([256, 256, 88]);
    const [rest] = log.batches(parts[1]!.end);
    expect(rest!.batch.sequence).toBe(513);
  });

  it.runIf(existsSync("/dev/full"))("passes on that the disk is full", () => {
    const path = join(temporaryFolder(), "metrics.jsonl");
    symlinkSync("/dev/full", path);
    expect(() => open(path).add(metric(1))).toThrow("ENOSPC");
  });
});

describe("lines", () => {
  it("are read over the borders of chunks, with the place after each", () => {
    const path = join(temporaryFolder(), "lines");
    const lines = Array.from({ length: 3000 }, (_, i) => `${i} ä`.padEnd(i % 90, "é"));
    writeFileSync(path, `${lines.join("\n")}\n`);
    const read = [...readLines(path)];
    expect(read.map(({ text }) => text)).toEqual(lines);
    expect([...readLines(path, read[1499]!.end)].map(({ text }) => text)).toEqual(lines.slice(1500));
  });

  it.each([
    ["a\nb\n", "a\nb\n"],
    ["a\nb", "a\n"],
    ["a", ""],
    ["", ""],
  ])("%j without a torn end is %j", (before, after) => {
    const path = join(temporaryFolder(), "lines");
    writeFileSync(path, before);
    dropTornLine(path);
    expect(readFileSync(path, "utf8")).toBe(after);
  });
});

describe("the name of a run", () => {
  it("stays with the metrics, and is new without them", () => {
    const workdir = temporaryFolder();
    const first = identityOf(workdir, "count").runId;
    expect(first).toMatch(/^count-[0-9a-f]{8}$/);
    expect(identityOf(workdir, "count").runId).not.toBe(first);
    writeFileSync(join(workdir, "metrics.jsonl"), "");
    const second = identityOf(workdir, "count").runId;
    expect(identityOf(workdir, "count").runId).toBe(second);
    writeFileSync(join(workdir, "run-id"), "../escape\n");
    expect(identityOf(workdir, "count").runId).toMatch(/^count-/);
  });

  it("is shared by the nodes of a run, which differ by what is their own", () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    for (const workdir of [one, two]) writeFileSync(join(workdir, "metrics.jsonl"), "");
    const identity = identityOf(one, "count", "together");
    expect(identity.runId).toBe("together");
    expect(identity.node).toMatch(/-[0-9a-f]{8}$/);
    expect(identityOf(one, "count", "together")).toEqual(identity);
    expect(identityOf(two, "count", "together").node).not.toBe(identity.node);
  });
});
