/** How far runs are, from their records to who watches. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Archive } from "../../src/monitor/archive.ts";
import { isState, type Entry, type StateEntry } from "../../src/metrics/metric.ts";
import { parseRunState, type RunState } from "../../src/metrics/run-state.ts";
import { RunFeed } from "../../src/monitor/feed.ts";
import { fromMessage, service, toMessage } from "../../src/monitor/grpc/definition.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { RunStates } from "../../src/monitor/run-states.ts";
import { watch } from "../../src/monitor/watch.ts";
import { frames } from "../../src/monitor/web/frames.ts";
import { batch, collect, entry, metric, metrics, recordedRun, temporaryFolder, TIME } from "./fixture.ts";

const state = (phase: RunState["phase"], more: Partial<RunState> = {}): RunState => ({
  ...parseRunState({ phase, time: TIME })!,
  ...more,
});
const stateEntry = (sequence: number, of: RunState): StateEntry => ({
  runId: "run",
  node: "node",
  sequence,
  state: of,
});
const ALL = { runIds: [], nodes: [], names: [], fromStep: 0, span: "ALL" } as const;
const phasesIn = (batches: readonly { readonly state?: RunState | undefined }[]) =>
  batches.flatMap(({ state }) => (state ? [state.phase] : []));

describe("a state in a record", () => {
  it("is a line that who reads metrics skips, with its own place and batch", () => {
    const { path } = recordedRun(temporaryFolder(), metrics(1, 2));
    const log = new MetricLog(path, { runId: "run", node: "node" });
    log.addState(state("training", { done: 2 }));
    log.add(metric(3));
    const line = JSON.parse(readFileSync(path, "utf8").split("\n")[2]!) as object;
    expect(line).not.toHaveProperty("name");
    const batches = [...log.batches()].map(({ batch }) => batch);
    expect(batches.map(({ sequence, metrics, state }) => [sequence, metrics.length, state?.done])).toEqual([
      [1, 2, undefined],
      [3, 0, 2],
      [4, 1, undefined],
    ]);
  });

  it.each([{ phase: "dancing", time: TIME }, { phase: "training", time: "noon" }, null, 3])(
    "is none when it reads %j",
    (value) => expect(parseRunState(value)).toBeUndefined(),
  );

  it("is told once to who begins to watch, the newest, and then as it comes", async () => {
    const folder = temporaryFolder();
    const { path } = recordedRun(folder, metrics(1, 2));
    const log = new MetricLog(path, { runId: "run", node: "node" });
    for (const phase of ["starting", "training"] as const) log.addState(state(phase));
    const feed = new RunFeed(new MetricLog(path, log.owner));
    const { batches, close } = watch(feed, { ...ALL, names: ["train/loss"] });
    const framed = frames(feed, { runs: [], from: () => 0, points: 10 });
    log.addState(state("sampling"));
    feed.refresh();
    feed.close();
    close();
    expect(phasesIn(await collect(batches))).toEqual(["training", "sampling"]);
    expect(phasesIn(await collect(framed))).toEqual(["training", "sampling"]);
  });
});

describe("a state on the wire", () => {
  it("comes as it was sent, with absent times left absent", () => {
    const full = state("evaluating_bound", {
      ...{ stage: "bound", done: 3, total: 9, unit: "images", pipeline: "p", step: 7, images: 21, seconds: 1.5 },
      ...{ secondsLeft: 3, runSeconds: 10, runSecondsLeft: 0, idleSeconds: 0.5, error: "e", remedy: "r" },
      phases: [{ phase: "training", seconds: 4, secondsLeft: 0 }, { phase: "sampling", seconds: 0 }],
    }); // prettier-ignore
    for (const sent of [full, state("starting")]) {
      const bytes = service.Push.requestSerialize(toMessage({ ...batch(4, 0), state: sent }));
      const come = fromMessage(service.Push.requestDeserialize(bytes), "never");
      expect(JSON.parse(JSON.stringify(come))).toEqual(JSON.parse(JSON.stringify({ ...batch(4, 0), state: sent })));
    }
  });
});

/** States, and what is lost while so many ms pass in which the program looks once a second. */
function clocked() {
  let now = 1000;
  const states = new RunStates(() => now);
  const pass = (ms: number, look = 1000) => {
    const lost: StateEntry[] = [];
    for (let left = ms; left > 0; left -= look) {
      now += Math.min(look, left);
      lost.push(...states.lose());
    }
    return lost;
  };
  return { states, pass };
}

describe("a run that is silent", () => {
  it("is lost after 30 s, once, unless it has ended or never told a state", () => {
    const { states, pass } = clocked();
    const other = (node: string, phase: RunState["phase"]) => ({ ...stateEntry(1, state(phase)), node });
    const begun = {
      ...other("a", "training"),
      state: state("training", { secondsLeft: 3, runSecondsLeft: 9, step: 7 }),
    };
    states.take([begun, other("b", "finished"), entry(1, { node: "c" })]);
    expect(pass(29_000)).toEqual([]);
    states.take([entry(2, { node: "a" })]);
    expect(pass(29_000)).toEqual([]);
    // Nobody knows how long it still takes.
    expect(pass(2000)).toEqual([
      { ...begun, state: { ...state("lost"), step: 7, secondsLeft: undefined, runSecondsLeft: undefined } },
    ]);
    expect(states.lose()).toEqual([]);
    states.take([other("a", "training")]);
    expect(states.newest().map(({ state: { phase } }) => phase)).toEqual(["training", "finished"]);
  });

  it("is not lost because this program was blocked or asleep, or its clock was set", () => {
    vi.useFakeTimers({ now: Date.parse(TIME), toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { states, pass } = clocked();
    states.take([stateEntry(1, state("training"))]);
    expect(pass(3600_000, 3600_000)).toEqual([]);
    vi.setSystemTime(Date.parse(TIME) + 3600_000);
    expect(pass(20_000)).toEqual([]);
    vi.setSystemTime(Date.parse(TIME) - 3600_000);
    expect(pass(10_000)).toHaveLength(1);
  });

  it("was not silent while nobody listened, unless that is a day", () => {
    vi.useFakeTimers({ now: Date.parse(TIME) + 60_000, toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const told = [stateEntry(1, state("training"))];
    for (const [couldTell, more, ms] of [
      [true, 0, 1000],
      [false, 0, 31_000],
      [false, 86_400_000, 1000],
    ] as const) {
      vi.setSystemTime(Date.parse(TIME) + 60_000 + more);
      const { states, pass } = clocked();
      states.remember(told, couldTell);
      expect(pass(ms - 1000)).toEqual([]);
      expect(pass(1000)).toHaveLength(1);
    }
    // Told by a clock that is ahead.
    vi.setSystemTime(Date.parse(TIME) - 3600_000);
    const { states, pass } = clocked();
    states.remember(told);
    expect(pass(31_000)).toHaveLength(1);
  });

  it("may come back to a monitor that was away for a minute", () => {
    const dir = temporaryFolder();
    const before = new Archive(dir);
    before.accept({ ...batch(1, 0), state: state("training", { time: new Date(Date.now() - 60_000).toISOString() }) });
    before.close();
    const archive = new Archive(dir);
    onTestFinished(() => archive.close());
    archive.lose();
    expect(archive.states().map(({ state: { phase } }) => phase)).toEqual(["training"]);
  });

  it("is told to watchers by the monitor, after a restart too", () => {
    const dir = temporaryFolder();
    const archive = new Archive(dir);
    const told: Entry[] = [];
    archive.live.subscribe((entries) => told.push(...entries));
    expect(archive.accept({ ...batch(1, 0), state: state("training") })).toEqual({ stored: 0, duplicates: 0 });
    expect(archive.accept({ ...batch(1, 0), state: state("training") })).toEqual({ stored: 0, duplicates: 0 });
    archive.lose();
    expect(told.filter(isState)).toHaveLength(1);
    archive.close();
    const again = new Archive(dir);
    again.lose();
    expect(again.states().map(({ state: { phase } }) => phase)).toEqual(["lost"]);
    again.close();
  });
});

it("a batch of nothing makes no run", () => {
  const archive = new Archive(temporaryFolder());
  expect(archive.accept(batch(1, 0))).toEqual({ stored: 0, duplicates: 0 });
  archive.sync(["run"]);
  expect(archive.logs()).toEqual([]);
  archive.close();
});

it("a beat that was cut off costs no more than its own line", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  appendFileSync(path, `{"state":{"phase":"trai\n${JSON.stringify(metric(2))}\n`);
  expect([...new MetricLog(path, { runId: "run", node: "node" }).advance()]).toEqual([entry(2)]);
});
