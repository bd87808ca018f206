import { from, lastValueFrom, tap, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { histogramOf } from "../../src/metrics/histogram.ts";
import type { StepRecord } from "../../src/streams/adam.ts";
import { asAveraged, type Averaged } from "../../src/streams/ema.ts";
import { record } from "../../src/streams/record.ts";
import { infoAt } from "./fixture.ts";

const row = (
  step: number,
  loss: number,
  norm = 2,
  at?: number,
): Averaged<StepRecord> & { readonly endedAt?: number } => {
  const column = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  const values: StepRecord = createBatch(
    { loss: column(loss), gradNorm: column(norm), learningRate: column(0.5) },
    infoAt({ step }),
  );
  return { ...asAveraged(values), ...(at !== undefined && { endedAt: at }) };
};

/** A clock that goes on by two seconds whenever it is asked. */
const clock = () => {
  let time = 0;
  return () => (time += 2000);
};

describe("record", () => {
  it("gives progress every step and averaged metrics every so many", async () => {
    const rows = [1, 3, 5, 7, 9].map((loss, step) => row(step, loss));
    const options = { steps: 5, every: 2, batchSize: 8, now: clock() };
    const events = await lastValueFrom(from(rows).pipe(record(options), toArray()));
    expect(events[0]).toEqual({ type: "stage", name: "training", total: 5, unit: "steps", phase: "training" });
    const progress = events.filter(({ type }) => type === "progress");
    expect(progress.map((event) => "done" in event && event.done)).toEqual([1, 2, 3, 4, 5]);
    const metrics = events.flatMap((event) => (event.type === "metric" ? [event] : []));
    const named = (name: string) =>
      metrics.filter((metric) => metric.name === name).map(({ step, value }) => [step, value]);
    expect(named("train/loss")).toEqual([[2, 2], [4, 6], [5, 9]]); // prettier-ignore
    expect(named("train/grad_norm")).toEqual([[2, 2], [4, 2], [5, 2]]); // prettier-ignore
    expect(named("train/learning_rate")).toEqual([[2, 0.5], [4, 0.5], [5, 0.5]]); // prettier-ignore
    expect(named("train/seconds_per_step").every(([, seconds]) => seconds! > 0)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "result", values: { loss: 9 } });
  });

  it("counts the steps behind each value, and gives metrics with the first at or after a multiple", async () => {
    const options = { steps: 12, every: 4, batchSize: 8, stride: 3, now: clock() };
    const rows = [2, 5, 8, 11].map((step) => row(step, step));
    const events = await lastValueFrom(from(rows).pipe(record(options), toArray()));
    const named = (name: string) =>
      events.flatMap((event) => (event.type === "metric" && event.name === name ? [[event.step, event.value]] : []));
    expect(named("train/loss")).toEqual([[6, 3.5], [9, 8], [12, 11]]); // prettier-ignore
    // Two readings of the clock between 3 and 6: 4 s for 3 steps.
    expect(named("train/seconds_per_step")[0]![1]).toBeCloseTo(2 / 3, 9);
  });

  it("averages the norm of the gradient as the loss, and gives the loss its unit", async () => {
    const options = { steps: 3, every: 2, batchSize: 8, prefix: "x", lossUnit: "bits/dim", now: clock() };
    const rows = from([row(0, 1, 1), row(1, 3, 5), row(2, 5, 9)]);
    const events = await lastValueFrom(rows.pipe(record(options), toArray()));
    const named = (name: string) =>
      events.flatMap((event) => (event.type === "metric" && event.name === name ? [[event.value, event.unit]] : []));
    expect(named("x/grad_norm")).toEqual([[3, "1"], [9, "1"]]); // prettier-ignore
    expect(named("x/loss")).toEqual([[2, "bits/dim"], [5, "bits/dim"]]); // prettier-ignore
  });

  it("leaves the first step, which compiles, out of the speed", async () => {
    const options = { steps: 2, every: 1, batchSize: 8, now: clock() };
    const events = await lastValueFrom(from([row(0, 1), row(1, 1)]).pipe(record(options), toArray()));
    const first = events.find(({ type }) => type === "progress");
    expect(first).toEqual({ type: "progress", done: 1, loss: 1 });
  });

  it("goes on from a later step, and starts anew for every subscription", async () => {
    const recorded = from([row(10, 4), row(11, 2)]).pipe(
      record({ steps: 12, every: 2, batchSize: 8, now: () => 0, memory: () => 4096 }),
      toArray(),
    );
    const events = await lastValueFrom(recorded);
    expect(events.filter(({ type }) => type === "metric")[0]).toMatchObject({ name: "train/loss", step: 12, value: 3 });
    expect(await lastValueFrom(recorded)).toEqual(events);
  });

  it("gives speeds without the first step, and what the meter has", async () => {
    const started = [1000, 1500, 2500, 2800, 3200, 3400, 4200];
    let time = 0;
    const now = () => time;
    const meter = new Meter(now);
    const counts = histogramOf([Float32Array.of(1)]);
    const source = from(started.map((_, step) => row(step, 1))).pipe(
      tap(({ info: { step } }) => {
        time = started[step]!;
        meter.tell("data/rows", step, "1");
        if (step === 5) meter.tellHistogram("gradients", 6, counts);
      }),
    );
    const options = { steps: 7, every: 2, batchSize: 8, name: "short", prefix: "x", meter, now, memory: () => 4096 };
    const events = await lastValueFrom(source.pipe(record(options), toArray()));
    const close = (value: number) => expect.closeTo(value, 12) as number;
    const speeds = events.flatMap((event) => (event.type === "progress" ? [event.imagesPerSecond] : []));
    expect(speeds).toEqual([undefined, ...[16, 8, 8 / 0.65, 20, 8 / 0.3, 10].map(close)]);
    const metrics = events.flatMap((event) => (event.type === "metric" ? [event] : []));
    const named = (name: string) => metrics.filter((metric) => metric.name === name).map((m) => [m.step, m.value, m.unit]); // prettier-ignore
    expect(named("x/seconds_per_step")).toEqual([[2, close(0.5), "s"], [4, close(0.65), "s"], [6, close(0.3), "s"], [7, close(0.8), "s"]]); // prettier-ignore
    expect(named("x/images_per_second")).toEqual([[2, close(16), "1/s"], [4, close(8 / 0.65), "1/s"], [6, close(8 / 0.3), "1/s"], [7, close(10), "1/s"]]); // prettier-ignore
    // What was told before the first step is left out.
    expect(named("data/rows")).toEqual([[2, 1, "1"], [4, 2.5, "1"], [6, 4.5, "1"], [7, 6, "1"]]); // prettier-ignore
    expect(named("process/rss_bytes")).toEqual([2, 4, 6, 7].map((step) => [step, 4096, "By"]));
    expect([named("x/loss")[0], named("x/grad_norm")[0]]).toEqual([[2, 1, "1"], [2, 2, "1"]]); // prettier-ignore
    expect(events.filter(({ type }) => type === "histogram")).toEqual([
      { type: "histogram", name: "gradients", step: 6, counts },
    ]);
    // The mean of all steps, not of those since the last log step.
    const results = events.flatMap((event) => (event.type === "result" ? [event.values.secondsPerStep] : []));
    expect(results).toEqual([0.5, 1.8 / 3, 2.4 / 5, 3.2 / 6].map(close));
    expect(events[0]).toEqual({ type: "stage", name: "short", total: 7, unit: "steps", phase: "training" });
    expect(events.at(-1)).toEqual({ type: "result", values: { loss: 1, secondsPerStep: close(3.2 / 6) } });
  });

  it("gives the histograms since the last log step where a stop ends the steps, without those of steps that do not count", async () => {
    const meter = new Meter();
    const counts = histogramOf([Float32Array.of(1)]);
    const source = from([row(6, 1), row(7, 1)]).pipe(
      tap(({ info: { step } }) => meter.tellHistogram("gradients", step === 7 ? 9 : 7, counts)),
    );
    const events = await lastValueFrom(source.pipe(record({ steps: 100, every: 50, batchSize: 8, meter }), toArray()));
    expect(events.at(-1)).toEqual({ type: "histogram", name: "gradients", step: 7, counts });
    expect(events.filter(({ type }) => type === "histogram")).toHaveLength(1);
  });

  it("gives the speed of training alone, although a look held values back and others ran ahead", async () => {
    let time = 0;
    const meter = new Meter(() => time);
    // A step takes 100 ms. Step 3 is looked at for 1000 ms, in which step 4 ends; steps 6 and 7 wait for a slow disk.
    const at = [100, 200, 300, 900, 1400, 1500, 1600, 1700];
    const passes = [100, 200, 1300, 1300, 1400, 1850, 1850, 1850];
    const source = from(at.map((ended, step) => row(step, 1, 2, ended))).pipe(
      tap(({ info: { step } }) => {
        if (step === 2) {
          time = 300;
          const resume = meter.pause();
          time = 1300;
          resume();
        }
        time = passes[step]!;
      }),
    );
    const speeds = async (every: number) => {
      const recorded = source.pipe(record({ steps: 8, every, batchSize: 8, meter, now: () => time }), toArray());
      const events = await lastValueFrom(recorded);
      const shown = events.flatMap((event) => (event.type === "progress" ? [event.imagesPerSecond] : []));
      const named = (name: string) => events.flatMap((event) => (event.type === "metric" && event.name === name ? [[event.step, event.value]] : [])); // prettier-ignore
      const results = events.flatMap((event) => (event.type === "result" ? [event.values.secondsPerStep] : []));
      return { shown, seconds: named("train/seconds_per_step"), images: named("train/images_per_second"), mean: results.at(-1) }; // prettier-ignore
    };
    const close = (value: number) => expect.closeTo(value, 9) as number;
    const [tenth, eighty] = [close(0.1), close(80)];
    const each = await speeds(1);
    expect(each.shown).toEqual([undefined, ...Array<unknown>(7).fill(eighty)]);
    // Of step 4 nothing is known.
    expect(each.seconds).toEqual([2, 3, 5, 6, 7, 8].map((step) => [step, tenth]));
    expect(each.images).toEqual([2, 3, 5, 6, 7, 8].map((step) => [step, eighty]));
    expect(each.mean).toEqual(tenth);
    const fourth = await speeds(4);
    expect([fourth.images, fourth.mean]).toEqual([[[4, eighty], [8, eighty]], tenth]); // prettier-ignore
  });

  it("takes a step that a look delayed for none, also where it ends after it, or after the first step", async () => {
    let time = 0;
    const meter = new Meter(() => time);
    const pause = (to: number) => {
      const resume = meter.pause();
      time = to;
      resume();
    };
    // Looks at steps 1 and 3; steps 2 and 4 began in them.
    const at = [100, 1150, 1250, 2300, 2400];
    const source = from(at.map((ended, step) => row(step, 1, 2, ended))).pipe(
      tap(({ endedAt: ended, info: { step } }) => {
        time = ended!;
        if (step === 0) pause(1100);
        if (step === 2) pause(2250);
      }),
    );
    const events = await lastValueFrom(source.pipe(record({ steps: 5, every: 1, batchSize: 8, meter }), toArray()));
    const named = events.flatMap((event) => (event.type === "metric" && event.name === "train/seconds_per_step" ? [[event.step, event.value]] : [])); // prettier-ignore
    expect(named).toEqual([[3, expect.closeTo(0.1, 9)], [5, expect.closeTo(0.1, 9)]]); // prettier-ignore
  });

  it("gives the first step's loss without a speed, and nothing of the meter", async () => {
    const meter = new Meter(() => 0);
    meter.stage("one", 1); // Its queue would be read.
    const source = from([row(0, 3)]).pipe(tap(() => meter.tell("data/rows", 1, "1")));
    const options = { steps: 9, every: 1, batchSize: 8, meter, now: () => 0, memory: () => 1 };
    const events = await lastValueFrom(source.pipe(record(options), toArray()));
    expect(events.flatMap((event) => (event.type === "metric" ? [event.name] : []))).toEqual([
      ...["train/loss", "train/grad_norm", "train/learning_rate", "process/rss_bytes"],
    ]);
    expect(events.at(-1)).toEqual({ type: "result", values: { loss: 3 } });
  });
});
