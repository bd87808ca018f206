import { describe, expect, it } from "vitest";
import { Meter } from "../../src/metrics/meter.ts";
import { StageClock } from "../../src/metrics/stage-clock.ts";

const counts = { min: 0, max: 0, num: 1, sum: 0, sumSquares: 0, bucketLimit: [1], bucket: [1] };

describe("StageClock", () => {
  /** A clock, and what sets the time. */
  function clocked(per = 1) {
    let time = 0;
    const clock = new StageClock(per, () => time);
    const at = (ms: number, act: "enter" | "leave" | "taken") => {
      time = ms;
      clock[act]();
    };
    return { clock, at };
  }

  it("counts work from where a batch is there, and not the time of the stages behind", () => {
    const { clock, at } = clocked();
    at(10, "enter");
    at(17, "leave");
    at(30, "taken");
    at(40, "enter");
    at(42, "leave");
    expect(clock.read()).toEqual({ batches: 2, queue: 0, busy: 9 });
  });

  it("counts waiting in its own queue as queue: the next begins when the one before was taken", () => {
    const { clock, at } = clocked();
    at(0, "enter");
    at(1, "enter");
    at(2, "enter");
    expect(clock.read()).toEqual({ batches: 0, queue: 3, busy: 0 });
    at(5, "leave");
    at(8, "taken");
    at(10, "leave");
    expect(clock.read()).toEqual({ batches: 2, queue: 1, busy: 5 + 2 });
  });

  it("begins with the last of the batches that become one", () => {
    const { clock, at } = clocked(3);
    at(0, "enter");
    at(4, "enter");
    at(9, "enter");
    at(11, "enter");
    at(15, "leave");
    expect(clock.read()).toEqual({ batches: 1, queue: 1, busy: 6 });
  });

  it("begins each interval with nothing but what waits", () => {
    const { clock, at } = clocked();
    at(0, "enter");
    at(1, "enter");
    at(4, "leave");
    expect(clock.read()).toEqual({ batches: 1, queue: 1, busy: 4 });
    expect(clock.read()).toEqual({ batches: 0, queue: 1, busy: 0 });
  });

  it("has no less than nothing in its queue when more leaves than came", () => {
    const { clock, at } = clocked(2);
    at(0, "enter");
    at(3, "leave");
    expect(clock.read()).toEqual({ batches: 1, queue: 0, busy: 3 });
  });
});

describe("Meter", () => {
  it("averages what is told over an interval, with the first unit, and forgets it after", () => {
    const meter = new Meter(() => 0);
    for (const value of [1, 2, 6]) meter.tell("data/rows", value, "1");
    meter.tell("data/wait", 0.5, "s");
    expect(meter.read()).toEqual([
      { name: "data/rows", value: 3, unit: "1" },
      { name: "data/wait", value: 0.5, unit: "s" },
    ]);
    expect(meter.read()).toEqual([]);
    meter.tell("data/rows", 8, "1");
    expect(meter.read()).toEqual([{ name: "data/rows", value: 8, unit: "1" }]);
  });

  it("tells of each stage its rate, its queue and its seconds a batch, in the order of their places", () => {
    let time = 1000;
    const meter = new Meter(() => time);
    for (const name of ["times", "score", "late"]) meter.place(name);
    const score = meter.stage("score", 1);
    const times = meter.stage("times", 1);
    // Its place is kept: the clock is of the stage.
    meter.place("times");
    for (let i = 0; i < 3; i++) score.enter();
    for (let i = 0; i < 2; i++) {
      time += 250;
      score.leave();
      score.taken();
    }
    times.enter();
    time = 3000;
    expect(meter.read()).toEqual([
      { name: "stage/times/queue", value: 1, unit: "1" },
      { name: "stage/score/batches_per_second", value: 1, unit: "1/s" },
      { name: "stage/score/queue", value: 1, unit: "1" },
      { name: "stage/score/seconds", value: 0.25, unit: "s" },
    ]);
    time = 3500;
    score.leave();
    expect(meter.read().filter(({ name }) => name.startsWith("stage/score"))).toEqual([
      { name: "stage/score/batches_per_second", value: 2, unit: "1/s" },
      { name: "stage/score/queue", value: 0, unit: "1" },
      { name: "stage/score/seconds", value: 2, unit: "s" },
    ]);
  });

  it("gives no rate over no time", () => {
    const meter = new Meter(() => 7);
    meter.stage("a", 1).enter();
    expect(meter.read()).toEqual([{ name: "stage/a/queue", value: 1, unit: "1" }]);
  });

  it("leaves the time that training stood still out of rates, and tells once when it ended", () => {
    let time = 0;
    const meter = new Meter(() => time);
    const stage = meter.stage("a", 1);
    stage.enter();
    stage.leave();
    for (const [from, to] of [
      [100, 1600],
      [2000, 2500],
    ] as const) {
      // prettier-ignore
      time = from;
      const resume = meter.pause();
      time = to;
      resume();
    }
    time = 3000;
    expect(meter.read()).toContainEqual({ name: "stage/a/batches_per_second", value: 1, unit: "1/s" });
    expect([meter.pauseEnd(), meter.pauseEnd()]).toEqual([2500, undefined]);
  });

  it("has no rate of a stage that none has left, and counts that time with what leaves later", () => {
    let time = 0;
    const meter = new Meter(() => time);
    const stage = meter.stage("a", 1);
    const rates = () => meter.read().flatMap(({ name, value }) => (name.endsWith("per_second") ? [value] : []));
    const pass = () => (stage.enter(), stage.leave(), stage.taken());
    time = 1000;
    pass();
    expect(rates()).toEqual([1]);
    time = 1001;
    expect(rates()).toEqual([]);
    time = 3000;
    pass();
    expect(rates()).toEqual([0.5]);
  });

  it("counts no batch that left a stage while training stood still, nor the work on it", () => {
    let time = 0;
    const meter = new Meter(() => time);
    meter.stage("a", 1);
    const pass = (stage: StageClock, ms: number) => (stage.enter(), (time += ms), stage.leave(), stage.taken());
    const resume = meter.pause();
    // A pause goes on although the stage was subscribed to anew.
    const stage = meter.stage("a", 1);
    pass(stage, 400);
    resume();
    expect(meter.read()).toEqual([{ name: "stage/a/queue", value: 0, unit: "1" }]);
    pass(stage, 500);
    const values = meter.read().map(({ name, value }) => [name.split("/")[2], value]);
    expect(values).toEqual([["batches_per_second", 2], ["queue", 0], ["seconds", 0.5]]); // prettier-ignore
  });

  it("begins anew with the clock of a new subscription", () => {
    const meter = new Meter(() => 0);
    meter.stage("a", 1).enter();
    meter.stage("a", 1);
    expect(meter.read()).toEqual([{ name: "stage/a/queue", value: 0, unit: "1" }]);
  });

  it("keeps what is told of a step until that step is asked for, each name once", () => {
    const meter = new Meter();
    const tell = (name: string, step: number, value: number) => meter.tellStep({ name, step, value, unit: "1" });
    tell("a", 2, 1);
    tell("b", 2, 2);
    tell("a", 4, 3);
    tell("a", 2, 9);
    const told = (last: number) => meter.ofSteps(last).map(({ name, step, value }) => [name, step, value]);
    expect(told(1)).toEqual([]);
    expect(told(2)).toEqual([["b", 2, 2], ["a", 2, 9]]); // prettier-ignore
    expect(told(3)).toEqual([]);
    expect(told(9)).toEqual([["a", 4, 3]]);
  });

  it("has the histograms of all names and steps, each once", () => {
    const meter = new Meter();
    for (const [name, step] of [["a", 3], ["b", 3], ["a", 4], ["a", 3]] as const) meter.tellHistogram(name, step, counts); // prettier-ignore
    expect(meter.histograms().map(({ name, step }) => [name, step])).toEqual([["b", 3], ["a", 4], ["a", 3]]); // prettier-ignore
  });

  it("refuses names and units that a monitor does not take", () => {
    const meter = new Meter();
    const [long, fits] = ["n".repeat(201), "n".repeat(200)];
    meter.tell(fits, 1, fits);
    meter.tellStep({ name: fits, step: 1, value: 1, unit: "1" });
    meter.place("n".repeat(150));
    const message = /names and units of metrics have 200 characters at most, not 201: (stage\/n{34}|n{40})\.\.\.$/;
    expect(() => meter.tell(long, 1, "1")).toThrow(message);
    expect(() => meter.tell("a", 1, long)).toThrow(message);
    expect(() => meter.tellStep({ name: long, step: 1, value: 1, unit: "1" })).toThrow(message);
    expect(() => meter.place("n".repeat(176))).toThrow(message);
  });

  it("gives histograms once, in their order", () => {
    const meter = new Meter();
    meter.tellHistogram("a", 3, counts);
    meter.tellHistogram("b", 4, counts);
    expect(meter.histograms()).toEqual([
      { name: "a", step: 3, counts },
      { name: "b", step: 4, counts },
    ]);
    expect(meter.histograms()).toEqual([]);
  });
});
