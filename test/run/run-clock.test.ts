import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startHeart } from "../../src/run/heart.ts";
import { RunClock } from "../../src/run/run-clock.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { resolveConfig } from "../../src/run/resolve-config.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { until } from "../grpc/fixture.ts";

const plan = [
  { phase: "training", total: 10, weight: 3 },
  { phase: "snapshot", total: 1, weight: 10 },
  { phase: "evaluating_bound", total: 20, weight: 0.5 },
] as const;

/** A clock whose time is set by hand, in seconds. */
function clockWith(compile = true) {
  let time = 0;
  const clock = new RunClock({ plan, pipeline: "p", batchSize: 4, compile, now: () => 1000 * time });
  const wait = (seconds: number) => (time += seconds);
  return { clock, wait, state: () => clock.state() };
}

const training = { type: "stage", name: "training", total: 10, unit: "steps", phase: "training" } as const;
const looks = (snapshot: number) => ({ type: "plan", totals: { snapshot } }) as const;
const bound = { type: "stage", name: "bound", total: 20, unit: "images", phase: "evaluating_bound" } as const;

describe("a run's clock", () => {
  it("tells the phases with what is done, and the time left by the pace of the steps", () => {
    const { clock, wait, state } = clockWith();
    clock.take(looks(1));
    expect(state()).toMatchObject({ phase: "starting", time: "1970-01-01T00:00:00.000Z", step: 0, runSeconds: 0 });
    expect(state().runSecondsLeft).toBeUndefined();
    wait(2);
    expect(clock.take(training)).toBe(true);
    expect(state()).toMatchObject({ phase: "compiling", stage: "training" });
    wait(30);
    expect(clock.take({ type: "progress", done: 1 })).toBe(true);
    expect(state()).toMatchObject({ phase: "training", done: 1, total: 10, unit: "steps", step: 1, images: 4 });
    wait(6);
    expect(clock.take({ type: "progress", done: 3 })).toBe(false);
    // 3 s a step, so 1 s an evaluation: 7 steps, a look of 10 and 20 images of half a second are left.
    expect(state()).toMatchObject({ seconds: 6, secondsLeft: 21, runSeconds: 38 });
    expect(state().runSecondsLeft).toBe(21 + 10 * 1 + 10);
    expect(state().phases.map(({ phase, seconds }) => [phase, seconds])).toEqual([
      ["starting", 2],
      ["compiling", 30],
      ["training", 6],
      ["snapshot", 0],
      ["evaluating_bound", 0],
    ]);
  });

  it("counts the time of the program before it as starting", () => {
    let time = 5000;
    const clock = new RunClock({ plan, pipeline: "p", batchSize: 4, compile: false, begun: 2000, now: () => time });
    expect(clock.state()).toMatchObject({ phase: "starting", seconds: 3, runSeconds: 3, idleSeconds: 0 });
    time = 6000;
    clock.take(training);
    expect(clock.state()).toMatchObject({ phase: "training", seconds: 0, runSeconds: 4 });
    expect(clock.state().phases[0]).toEqual({ phase: "starting", seconds: 4, secondsLeft: 0 });
    // Where the system's clock was set back meanwhile.
    const back = new RunClock({ plan, pipeline: "p", batchSize: 4, compile: false, begun: 9000, now: () => time });
    expect(back.state()).toMatchObject({ seconds: 0, runSeconds: 0 });
  });

  it("counts a look as a phase of its own, and takes its time for those to come", () => {
    const { clock, wait, state } = clockWith(false);
    clock.take(training);
    clock.take(looks(1));
    clock.take({ type: "progress", done: 1 });
    wait(1);
    clock.take({ type: "progress", done: 2 });
    expect(clock.take({ type: "look", begins: true })).toBe(true);
    wait(50);
    expect(state()).toMatchObject({ phase: "snapshot", idleSeconds: 50 });
    clock.take({ type: "look", begins: false });
    expect(state()).toMatchObject({ phase: "training", seconds: 1, secondsLeft: 8 });
    expect(state().phases.find(({ phase }) => phase === "snapshot")).toEqual({ phase: "snapshot", seconds: 50, secondsLeft: 50 }); // prettier-ignore
  });

  it("has the phases that the run says it will have: no snapshots before, and none where there are none", () => {
    const { clock, wait, state } = clockWith(false);
    const phases = () => state().phases.map(({ phase }) => phase);
    expect(phases()).toEqual(["starting", "training", "evaluating_bound"]);
    clock.take(training);
    clock.take({ type: "progress", done: 1 });
    wait(3);
    clock.take({ type: "progress", done: 2 });
    expect(state().runSecondsLeft).toBe(24 + 10);
    const none = { type: "plan", totals: { evaluating_bound: 0, sampling: 0 } } as const;
    expect([clock.take(none), clock.take(none)]).toEqual([true, false]);
    expect([phases(), state().runSecondsLeft]).toEqual([["starting", "training"], 24]);
    clock.take(looks(3));
    // Of three, two are left after a fifth of the steps.
    expect([phases(), state().runSecondsLeft]).toEqual([["starting", "training", "snapshot"], 24 + 2 * 10]);
    clock.take(looks(0));
    expect([phases(), state().runSecondsLeft]).toEqual([["starting", "training"], 24]);
  });

  it("leaves nothing of what is over, and ends with why it failed", () => {
    const { clock, wait, state } = clockWith(false);
    clock.take({ type: "result", values: { resumedFrom: 10 } });
    clock.take(bound);
    clock.take({ type: "progress", done: 5 });
    wait(10);
    clock.take({ type: "progress", done: 10 });
    expect(state()).toMatchObject({ phase: "evaluating_bound", step: 10, secondsLeft: 20, runSecondsLeft: 20 });
    clock.end("failed", { error: "step 3: the loss is NaN", remedy: "a lower optim.lr" });
    expect(state()).toMatchObject({ phase: "failed", error: "step 3: the loss is NaN", remedy: "a lower optim.lr", runSecondsLeft: 0 }); // prettier-ignore
  });

  it("goes on after a resume by the steps of now, and takes a pipeline's own stage as work", () => {
    const { clock, wait, state } = clockWith(false);
    clock.take(training);
    wait(1);
    clock.take({ type: "progress", done: 6 });
    wait(2);
    clock.take({ type: "progress", done: 7 });
    expect(state()).toMatchObject({ secondsLeft: 6 });
    clock.take({ type: "stage", name: "own" });
    expect(state()).toMatchObject({ phase: "working", stage: "own", total: undefined });
  });
});

describe("the plan of a run", () => {
  const config = resolveConfig({ settings: [{ training: { steps: 100, snapshotEvery: 40 } }], assignments: [] }).config;
  const phasesOf = (mode: Parameters<typeof runPlan>[0]["mode"]) => runPlan({ mode, config }).map(({ phase }) => phase);

  it("has the phases of the mode", () => {
    const evaluating = ["evaluating_loss", "evaluating_likelihood", "evaluating_bound"];
    expect(phasesOf("train")).toEqual(["training", "snapshot", ...evaluating, "sampling"]);
    expect(phasesOf("eval")).toEqual(evaluating);
    expect(phasesOf("sample")).toEqual(["sampling"]);
    expect(phasesOf("train_deq")).toEqual(["training", "evaluating_bound"]);
    expect(runPlan({ mode: "train", config }).find(({ phase }) => phase === "snapshot")!.total).toBe(2);
  });
});

it("a heart beats while the run's own thread is at work, by the time that has passed", async () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const heart = startHeart(path, 50);
  const { clock, state } = clockWith(false);
  clock.take(training);
  heart.show({ ...state(), secondsLeft: 5, runSecondsLeft: 9 });
  const lines = () => (existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : []);
  await until(() => lines().length > 0);
  const before = lines().length;
  const end = performance.now() + 600;
  while (performance.now() < end);
  expect(lines().length).toBeGreaterThan(before + 1);
  await heart.stop();
  const beats = lines();
  const { state: last } = JSON.parse(beats.at(-1)!) as { state: ReturnType<typeof state> };
  expect(last).toMatchObject({ phase: "training", total: 10 });
  expect(last.idleSeconds).toBeGreaterThan(0);
  expect(last.runSeconds).toBeGreaterThan(0);
  expect(last.secondsLeft! + last.seconds).toBeCloseTo(5, 0);
  expect(Date.now() - Date.parse(last.time)).toBeLessThan(2000);
  await setTimeout(150);
  expect(lines()).toHaveLength(beats.length);
});
