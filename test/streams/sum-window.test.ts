import { from, lastValueFrom, tap, toArray } from "rxjs";
import { expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import type { StepRecord } from "../../src/streams/adam.ts";
import { asAveraged } from "../../src/streams/ema.ts";
import { record } from "../../src/streams/record.ts";
import { sumWindow } from "../../src/streams/sum-window.ts";
import { parseWindow, type LossWindow } from "../../src/training/loss-window.ts";
import { infoAt } from "./fixture.ts";

const column = (value: number) => ({ data: Float32Array.of(value), shape: [] });
/** Rows of the steps from `first` to `last`. */
const rows = (first: number, last: number) =>
  Array.from({ length: last - first }, (_, i) => {
    const values = {
      loss: column(Math.fround((first + i) ** 2)),
      gradNorm: column(first + i),
      learningRate: column(0.5),
    };
    return asAveraged(createBatch(values, infoAt({ step: first + i })));
  });

async function train(first: number, last: number, window?: LossWindow) {
  const state = { step: first, window };
  const log = { steps: 14, every: 4 };
  const events = await lastValueFrom(
    from(rows(first, last)).pipe(
      tap(() => state.step++),
      sumWindow(state, log),
      record({ ...log, batchSize: 2, window }),
      toArray(),
    ),
  );
  const metrics = events.flatMap((event) =>
    event.type === "metric" && /loss|norm|rate/.test(event.name) ? [event] : [],
  );
  return { metrics, window: JSON.parse(JSON.stringify(state.window)) as LossWindow };
}

it.each([1, 3, 4, 5, 8, 13, 14])(
  "a run that ended after step %i goes on to the means of one that never did",
  async (end) => {
    const whole = await train(0, 14);
    const first = await train(0, end);
    const second = await train(end, 14, parseWindow(first.window, end));
    const at = (step: number) => whole.metrics.filter((metric) => metric.step >= step);
    // Those of the last step are told again, in case they were lost; the record takes them once.
    expect(second.metrics).toEqual(at(end));
    expect([...first.metrics.filter(({ step }) => step < end), ...second.metrics]).toEqual(whole.metrics);
  },
);

it("sums of another step than the one before are left out", async () => {
  const other = { step: 1, count: 1, loss: 100, gradNorm: 100, learningRate: 1 };
  expect((await train(5, 8, other)).metrics[0]).toMatchObject({ step: 8, value: (25 + 36 + 49) / 3 });
});

it("a step is summed once: a second stage fails by name", async () => {
  const [state, log] = [
    { step: 1, window: undefined },
    { steps: 2, every: 1 },
  ];
  const summed = from<StepRecord[]>(rows(0, 1)).pipe(sumWindow<StepRecord>(state, log));
  const twice = summed.pipe(sumWindow<StepRecord>(state, log));
  await expect(lastValueFrom(twice)).rejects.toThrow("sumWindow: the value has been through it before");
});

it("sums that cannot be read are none", () => {
  expect(parseWindow({ count: 1, loss: "x", gradNorm: 1, learningRate: 1 }, 3)).toBeUndefined();
  expect([parseWindow(undefined, 3), parseWindow(null, 3)]).toEqual([undefined, undefined]);
});
