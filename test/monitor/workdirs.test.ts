import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isMetric, isState, type Entry } from "../../src/metrics/metric.ts";
import { parseRunState, type RunPhase } from "../../src/metrics/run-state.ts";
import { Archive } from "../../src/monitor/archive.ts";
import { JoinedFeed } from "../../src/monitor/joined-feed.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { identityOf, keptIdentity } from "../../src/monitor/run-id.ts";
import { runsOf } from "../../src/monitor/web/source.ts";
import { Workdirs } from "../../src/monitor/workdirs.ts";
import { watch } from "../../src/monitor/watch.ts";
import { batch, collect, metric, metrics, temporaryFolder, TIME } from "./fixture.ts";

/** A workdir with a record of `count` metrics, and how far it came. */
function workdirWith(folder: string, count: number, phase: RunPhase, id?: string) {
  mkdirSync(folder, { recursive: true });
  const log = new MetricLog(join(folder, "metrics.jsonl"), { runId: "", node: "" });
  for (const each of metrics(1, count)) log.add(each);
  log.addState(parseRunState({ phase, time: TIME })!);
  if (id !== undefined) writeFileSync(join(folder, "run-id"), `${id}\n`);
  return log;
}

function following(folder: string) {
  const workdirs = new Workdirs(folder);
  onTestFinished(() => workdirs.close());
  const told: Entry[] = [];
  workdirs.live.subscribe((entries) => told.push(...entries));
  return { workdirs, told };
}

const names = ({ workdirs }: { readonly workdirs: Workdirs }) => workdirs.logs().map(({ owner }) => owner.runId).sort(); // prettier-ignore

it("finds finished and dead runs below a folder, writes nothing, and gives their past", async () => {
  const folder = temporaryFolder();
  workdirWith(join(folder, "old"), 3, "finished", "old-12345678");
  workdirWith(join(folder, "deep", "er"), 2, "training");
  mkdirSync(join(folder, "old", "samples"));
  const before = readdirSync(folder, { recursive: true }).sort();
  const { workdirs, told } = following(folder);
  expect(names({ workdirs })).toEqual(["deep/er", "old-12345678"]);
  expect(workdirs.workdir("old-12345678")).toBe(join(folder, "old"));
  expect(workdirs.workdir("nobody")).toBeUndefined();
  workdirs.refresh();
  // One that was killed long ago tells nothing more.
  expect(told.filter(isState).map(({ runId, state }) => [runId, state.phase])).toEqual([["deep/er", "lost"]]);
  const { batches, close } = watch(workdirs, { runIds: [], nodes: [], names: [], fromStep: 0, span: "PAST" });
  const found = await collect(batches);
  close();
  expect(found.reduce((sum, { metrics }) => sum + metrics.length, 0)).toBe(5);
  expect(found.flatMap(({ state }) => (state ? [state.phase] : [])).sort()).toEqual(["finished", "lost"]);
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
});

it("tells what a live run adds, a run that is new, and one that begins anew in the same folder", () => {
  const folder = join(temporaryFolder(), "runs");
  const { workdirs, told } = following(folder);
  expect(workdirs.logs()).toEqual([]);
  const log = workdirWith(join(folder, "a"), 2, "training");
  workdirs.search();
  expect(told.filter(isMetric)).toHaveLength(2);
  log.add(metric(3));
  appendFileSync(log.path, '{"name":"torn');
  workdirs.refresh();
  expect(told.filter(isMetric).map(({ metric: { step } }) => step)).toEqual([1, 2, 3]);
  rmSync(log.path);
  workdirWith(join(folder, "a"), 1, "starting");
  workdirs.search();
  workdirs.search();
  expect(told.filter(isMetric).map(({ metric: { step } }) => step)).toEqual([1, 2, 3, 1]);
  rmSync(folder, { recursive: true });
  workdirs.search();
  expect(workdirs.logs()).toEqual([]);
});

it("keeps the copy of a workdir apart, and leaves to the archive what is pushed to it", () => {
  const folder = temporaryFolder();
  for (const name of ["a", "b"]) workdirWith(join(folder, name), 2, "training", "run");
  const { workdirs } = following(folder);
  expect(names({ workdirs })).toHaveLength(2);
  expect(names({ workdirs })).toContain("run");
  const archive = new Archive(temporaryFolder());
  onTestFinished(() => archive.close());
  const feed = new JoinedFeed(archive, workdirs);
  const told: string[] = [];
  const sizes: number[] = [];
  feed.live.subscribe((entries) => {
    sizes.push(entries.length);
    told.push(...entries.map(({ node }) => node));
  });
  expect(feed.logs()).toHaveLength(2);
  archive.accept(batch(1, 1, { node: "pusher" }));
  expect(feed.logs()).toHaveLength(2);
  appendFileSync(join(workdirs.workdir("run")!, "metrics.jsonl"), `${JSON.stringify(metric(3))}\n`);
  workdirs.refresh();
  expect(told.filter((node) => node === "pusher")).toHaveLength(1);
  expect(sizes).not.toContain(0);
  expect(feed.states().map(({ runId }) => runId)).not.toContain("run");
});

it("is one run with the one that was pushed under a given name, and shows a group's nodes as one run", async () => {
  const folder = temporaryFolder();
  const [a, b] = ["a", "b"].map((name) => join(folder, name)) as [string, string];
  for (const workdir of [a, b]) {
    mkdirSync(workdir);
    identityOf(workdir, "count", "mine");
    workdirWith(workdir, 2, "training");
  }
  const { workdirs } = following(folder);
  expect(workdirs.logs().map(({ owner }) => owner)).toEqual([a, b].map((workdir) => keptIdentity(workdir)));
  expect(names({ workdirs })).toEqual(["mine", "mine"]);
  const archive = new Archive(temporaryFolder());
  onTestFinished(() => archive.close());
  const feed = new JoinedFeed(archive, workdirs);
  const source = { feed, workdir: (runId: string) => workdirs.workdir(runId) };
  expect([runsOf(source), feed.states()]).toEqual([["mine"], workdirs.states()]);
  expect(feed.states()).toHaveLength(2);
  archive.accept({ ...batch(1, 1), ...keptIdentity(a)! });
  expect([runsOf(source), feed.logs().length, workdirs.workdir("mine")]).toEqual([["mine"], 1, a]);
});

it("shows a run under the name that it goes on with", () => {
  const folder = temporaryFolder();
  const workdir = join(folder, "a");
  workdirWith(workdir, 2, "training");
  const { workdirs, told } = following(folder);
  expect([names({ workdirs }), workdirs.states().map(({ runId }) => runId)]).toEqual([["a"], ["a"]]);
  identityOf(workdir, "count", "mine");
  workdirs.search();
  expect([names({ workdirs }), workdirs.states().map(({ runId }) => runId)]).toEqual([["mine"], ["mine"]]);
  expect(told.filter(isMetric).map(({ runId, metric: { step } }) => [runId, step])).toEqual([["mine", 1], ["mine", 2]]); // prettier-ignore
  workdirs.search();
  expect(told.filter(isMetric)).toHaveLength(2);
});

it("shows the other runs, and says so once, while a record cannot be read", () => {
  const folder = temporaryFolder();
  workdirWith(join(folder, "good"), 1, "finished");
  const log = workdirWith(join(folder, "later"), 1, "finished");
  // A folder of the record's name cannot be read by anybody, root included.
  mkdirSync(join(folder, "bad", "metrics.jsonl"), { recursive: true });
  const warnings: string[] = [];
  const workdirs = new Workdirs(folder, (text) => warnings.push(text));
  onTestFinished(() => workdirs.close());
  const told: Entry[] = [];
  workdirs.live.subscribe((entries) => told.push(...entries));
  expect([names({ workdirs }), warnings.length]).toEqual([["good", "later"], 1]);
  expect(warnings[0]).toContain(join(folder, "bad", "metrics.jsonl"));
  const text = readFileSync(log.path);
  rmSync(log.path);
  mkdirSync(join(log.path, "x"), { recursive: true });
  workdirs.search();
  expect([names({ workdirs }), warnings.length]).toEqual([["good"], 2]);
  rmSync(log.path, { recursive: true });
  writeFileSync(log.path, text);
  log.add(metric(2));
  workdirs.search();
  expect([names({ workdirs }), warnings.length]).toEqual([["good", "later"], 2]);
  expect(told.filter(isMetric).map(({ metric: { step } }) => step)).toEqual([2]);
});

it("forgets a run whose workdir was deleted, a live one once it was told as lost", () => {
  const folder = temporaryFolder();
  workdirWith(join(folder, "over"), 1, "finished");
  workdirWith(join(folder, "live"), 1, "training");
  const { workdirs, told } = following(folder);
  rmSync(join(folder, "over"), { recursive: true });
  rmSync(join(folder, "live"), { recursive: true });
  workdirs.refresh();
  expect(told.filter(isState).map(({ runId, state }) => [runId, state.phase])).toEqual([["live", "lost"]]);
  expect(workdirs.states()).toEqual([]);
});
