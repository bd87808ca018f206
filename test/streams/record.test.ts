import { from, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import type { StepRecord } from "../../src/streams/adam.ts";
import { record } from "../../src/streams/record.ts";
import { infoAt } from "./fixture.ts";

const row = (step: number, loss: number): StepRecord => {
  const column = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  return createBatch({ loss: column(loss), gradNorm: column(2), learningRate: column(0.5) }, infoAt({ step }));
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
    expect(events[0]).toEqual({ type: "stage", name: "training", total: 5, unit: "steps" });
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

  it("leaves the first step, which compiles, out of the speed", async () => {
    const options = { steps: 2, every: 1, batchSize: 8, now: clock() };
    const events = await lastValueFrom(from([row(0, 1), row(1, 1)]).pipe(record(options), toArray()));
    const first = events.find(({ type }) => type === "progress");
    expect(first).toEqual({ type: "progress", done: 1, loss: 1 });
  });

  it("goes on from a later step, and starts anew for every subscription", async () => {
    const recorded = from([row(10, 4), row(11, 2)]).pipe(
      record({ steps: 12, every: 2, batchSize: 8, now: () => 0 }),
      toArray(),
    );
    const events = await lastValueFrom(recorded);
    expect(events.filter(({ type }) => type === "metric")[0]).toMatchObject({ name: "train/loss", step: 12, value: 3 });
    expect(await lastValueFrom(recorded)).toEqual(events);
  });
});
