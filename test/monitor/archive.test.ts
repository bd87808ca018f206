import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Archive } from "../../src/monitor/archive.ts";
import { watch } from "../../src/monitor/watch.ts";
import { batch, collect, steps, temporaryFolder } from "./fixture.ts";

const all = { runIds: [], nodes: [], names: [], fromStep: 0, span: "PAST" } as const;
const stepsIn = async (archive: Archive, runIds: readonly string[] = []) =>
  steps(await collect(watch(archive, { ...all, runIds }).batches));

describe("Archive", () => {
  it("stores each metric once, however batches overlap", async () => {
    const archive = new Archive(temporaryFolder());
    expect(archive.accept(batch(1, 5))).toEqual({ stored: 5, duplicates: 0 });
    expect(archive.accept(batch(1, 5))).toEqual({ stored: 0, duplicates: 5 });
    expect(archive.accept(batch(3, 8))).toEqual({ stored: 5, duplicates: 3 });
    expect(await stepsIn(archive)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("tells runs and nodes apart, and does not drop what is not numbered", async () => {
    const archive = new Archive(temporaryFolder());
    archive.accept(batch(1, 2));
    archive.accept(batch(1, 2, { node: "other" }));
    archive.accept(batch(1, 2, { runId: "other" }));
    for (let i = 0; i < 2; i++) archive.accept({ ...batch(1, 1, { runId: "free" }), sequence: 0 });
    expect(await stepsIn(archive, ["run"])).toEqual([1, 2, 1, 2]);
    expect(await stepsIn(archive, ["other"])).toEqual([1, 2]);
    expect(await stepsIn(archive, ["free"])).toEqual([1, 1]);
  });

  it("stores what comes after a place that is far too large", async () => {
    const dir = temporaryFolder();
    const archive = new Archive(dir);
    archive.accept(batch(1, 2));
    archive.accept(batch(2 ** 40, 1));
    expect(archive.accept(batch(2, 3))).toEqual({ stored: 2, duplicates: 1 });
    archive.close();
    const after = new Archive(dir);
    onTestFinished(() => after.close());
    expect(after.accept(batch(1, 6))).toEqual({ stored: 2, duplicates: 4 });
    expect(after.accept(batch(2 ** 40, 2))).toEqual({ stored: 1, duplicates: 1 });
  });

  it("tells of places that did not come, but not of those that hold nothing", () => {
    const told: string[] = [];
    const archive = new Archive(temporaryFolder(), (text) => told.push(text));
    onTestFinished(() => archive.close());
    archive.accept(batch(1, 3));
    archive.accept({ ...batch(7, 2), dropped: 3 });
    expect(told).toEqual([]);
    archive.accept(batch(13, 1));
    archive.accept(batch(14, 1));
    archive.accept(batch(4, 1));
    expect(told).toEqual(["warning: run run: 4 metrics of node before place 13 did not come"]);
    archive.accept(batch(3, 1, { runId: "late" }));
    expect(told[1]).toBe("warning: run late: 2 metrics of node before place 3 did not come");
  });

  it("tells names from elsewhere in one line without control characters", () => {
    const told: string[] = [];
    const archive = new Archive(temporaryFolder(), (text) => told.push(text), 1);
    onTestFinished(() => archive.close());
    const names = { runId: "a\x1b[2J\nb", node: "c\x07" };
    archive.accept(batch(3, 1, names));
    expect(told).toEqual(["warning: run a\ufffd[2J b: 2 metrics of c\ufffd before place 3 did not come"]);
    expect(() => archive.accept(batch(1, 1, { ...names, node: "d" }))).toThrow("nodes of run a\ufffd[2J b at most");
  });

  it("shows the other runs where a record cannot be read, and tells of it", async () => {
    const dir = temporaryFolder();
    const before = new Archive(dir);
    before.accept(batch(1, 2));
    before.close();
    mkdirSync(join(dir, "other.jsonl"));
    const told: string[] = [];
    const archive = new Archive(dir, (text) => told.push(text));
    onTestFinished(() => archive.close());
    expect(await stepsIn(archive)).toEqual([1, 2]);
    const why = "EISDIR: illegal operation on a directory, read";
    expect(told).toEqual([`warning: ${join(dir, "other.jsonl")} cannot be read: ${why}; its run is not shown`]);
    expect(() => archive.accept(batch(1, 1, { runId: "other" }))).toThrow(why);
  });

  it("keeps no more runs and nodes than it may, and says what to do", async () => {
    const dir = temporaryFolder();
    const archive = new Archive(dir, () => {}, 2);
    onTestFinished(() => archive.close());
    for (const runId of ["a", "b"]) archive.accept(batch(1, 1, { runId }));
    const message = `the monitor keeps 2 runs at most; move records out of ${dir} and start it again`;
    expect(() => archive.accept(batch(1, 1, { runId: "c" }))).toThrow(message);
    archive.accept(batch(1, 1, { runId: "a", node: "other" }));
    expect(() => archive.accept(batch(1, 1, { runId: "a", node: "third" }))).toThrow("keeps 2 nodes of run a at most");
    expect(archive.accept(batch(1, 2, { runId: "b" }))).toEqual({ stored: 1, duplicates: 1 });
    expect(readdirSync(dir)).toHaveLength(2);
  });

  it("knows after a restart what it has; a line that was cut off comes again", async () => {
    const dir = temporaryFolder();
    const before = new Archive(dir);
    before.accept(batch(1, 4));
    before.accept(batch(1, 2, { node: "other" }));
    appendFileSync(join(dir, "run.jsonl"), '{"name":"train/loss","st');
    const after = new Archive(dir);
    expect(after.accept(batch(3, 4))).toEqual({ stored: 2, duplicates: 2 });
    expect(after.accept(batch(2, 2, { node: "other" }))).toEqual({ stored: 1, duplicates: 1 });
    expect(await stepsIn(after)).toEqual([1, 2, 3, 4, 1, 2, 5, 6, 3]);
    for (const line of readFileSync(join(dir, "run.jsonl"), "utf8").trimEnd().split("\n")) JSON.parse(line);
  });

  it("keeps every run in a file inside its folder, whatever its name", async () => {
    const dir = temporaryFolder();
    const names = ["../escape", "a/b", "..", "ä b", "%2e"];
    const archive = new Archive(dir);
    for (const runId of names) archive.accept(batch(1, 1, { runId }));
    archive.sync(names);
    expect(readdirSync(dir)).toHaveLength(names.length);
    for (const strange of ["%zz.jsonl", "a b.jsonl", "notes.txt"]) writeFileSync(join(dir, strange), "");
    expect(new Archive(dir).logs().map(({ owner }) => owner.runId).sort()).toEqual([...names].sort()); // prettier-ignore
  });
});

it("notices a record that was moved away, says so, and keeps what comes in a new one", () => {
  const dir = temporaryFolder();
  const told: string[] = [];
  const archive = new Archive(dir, (text) => told.push(text));
  onTestFinished(() => archive.close());
  archive.accept(batch(1, 3));
  archive.sync(["run"]);
  expect(told).toEqual([]);
  renameSync(join(dir, "run.jsonl"), join(dir, "elsewhere"));
  expect(archive.accept(batch(4, 2))).toEqual({ stored: 2, duplicates: 0 });
  archive.sync(["run"]);
  expect(told).toEqual([`warning: ${join(dir, "run.jsonl")} was moved away or cut; what comes is kept in a new file`]);
  archive.accept(batch(6, 1));
  const read = [...archive.logs()[0]!.batches()].map(({ batch }) => batch);
  expect(steps(read)).toEqual([4, 5, 6]);
  expect(told).toHaveLength(1);
});
