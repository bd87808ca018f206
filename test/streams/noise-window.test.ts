import { from, lastValueFrom, map, tap, toArray } from "rxjs";
import { expect, it, onTestFinished } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { asAveraged } from "../../src/streams/ema.ts";
import { gradientOf } from "../../src/streams/gradient.ts";
import { lossByNoise } from "../../src/streams/loss-by-noise.ts";
import { record } from "../../src/streams/record.ts";
import { sumWindow } from "../../src/streams/sum-window.ts";
import { parseWindow, type LossWindow } from "../../src/training/loss-window.ts";
import { NoiseWindows, parseNoise, type NoiseWindow } from "../../src/training/noise-window.ts";
import { infoAt } from "./fixture.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
const [STEPS, EVERY] = [14, 4];

function gradientAt(step: number, scale = 1) {
  const column = (values: readonly number[]) => ({ data: Float32Array.from(values), shape: [] });
  const tensor = tf.tensor1d([0]);
  onTestFinished(() => tensor.dispose());
  const batch = {
    t: column([0.05, 0.5, 0.95]),
    loss: column([0.1, 0.7, 3.3].map((loss) => scale * loss * (step + 1))),
  };
  return gradientOf("step", createBatch(batch, infoAt({ step })), tensor);
}

function rowOf(step: number) {
  const one = { data: Float32Array.of(step), shape: [] };
  return asAveraged(createBatch({ loss: one, gradNorm: one, learningRate: one }, infoAt({ step })));
}

interface Sums {
  readonly window?: LossWindow | undefined;
  readonly noise?: NoiseWindow | undefined;
}

/** Trains from a step to another with the sums of a checkpoint. */
async function train(first: number, last: number, { window, noise }: Sums = {}, bins = 3) {
  const state = { step: first, window, noise: new NoiseWindows(noise) };
  const meter = new Meter();
  const log = { steps: STEPS, every: EVERY };
  const told = await lastValueFrom(
    from(Array.from({ length: last - first }, (_, i) => gradientAt(first + i))).pipe(
      lossByNoise<"step">(sde, { meter, bins, every: EVERY, weighting: "likelihood", eps: 1e-3, state }),
      map(({ batch }) => rowOf(batch.info.step)),
      tap(() => state.step++),
      sumWindow(state, log),
      record({ ...log, batchSize: 3, meter, window }),
      toArray(),
    ),
  );
  const of = (event: { name: string; step: number }) => event.name.startsWith("loss_by_noise");
  const metrics = told.flatMap((event) => (event.type === "metric" && of(event) ? [event] : []));
  const stored = JSON.parse(JSON.stringify([state.window, state.noise.at(last)])) as [unknown, unknown];
  return { metrics, sums: { window: parseWindow(stored[0], last), noise: parseNoise(stored[1], last) } };
}

it.each([1, 3, 4, 5, 7, 8, 13])("curves of a run that ended after step %i are those of one that never did", async (end) => {
  const whole = await train(0, STEPS);
  expect(whole.metrics.map(({ step }) => step)).toEqual([4, 8, 12].flatMap((step) => Array<number>(6).fill(step)));
  const first = await train(0, end);
  const second = await train(end, STEPS, first.sums);
  // Those of the last step are told again, in case they were lost; the record takes them once.
  expect(second.metrics).toEqual(whole.metrics.filter(({ step }) => step >= end));
  expect([...first.metrics.filter(({ step }) => step < end), ...second.metrics]).toEqual(whole.metrics);
}); // prettier-ignore

it("the curves of the last step are told at once, before a step is taken", async () => {
  const { metrics, sums } = await train(0, 4);
  expect(metrics).toHaveLength(6);
  expect((await train(4, 4, sums)).metrics).toEqual(metrics);
  expect((await train(5, 5, sums)).metrics).toEqual([]);
});

it("sums of other bins are left out", async () => {
  const { sums } = await train(0, 3);
  const values = ({ metrics }: Awaited<ReturnType<typeof train>>) => metrics.slice(0, 4).map(({ value }) => value);
  expect(values(await train(3, 4, sums, 2))).toEqual(values(await train(3, 4, {}, 2)));
});

it("a step that is taken again counts once", async () => {
  const meter = new Meter();
  const state = { step: 0, noise: new NoiseWindows() };
  const options = { meter, bins: 1, every: 2, weighting: "original", eps: 1e-3, state } as const;
  const take = (step: number, scale?: number) =>
    lastValueFrom(from([gradientAt(step, scale)]).pipe(lossByNoise<"step">(sde, options)));
  await take(0);
  state.step = 1;
  await take(1, 1e9);
  await take(1);
  const [told] = meter.ofSteps(2);
  expect(told!.value).toBeCloseTo((1.5 * (0.1 + 0.7 + 3.3)) / 3, 5);
});

it("sums that cannot be read are none", () => {
  const curves = [{ sums: [1], counts: [1] }];
  expect(parseNoise({ range: [-1, 1], curves }, 3)).toEqual({ step: 3, range: [-1, 1], curves });
  for (const other of [undefined, null, {}, { range: [1], curves }, { range: [-1, 1], curves: [{ sums: [1], counts: [] }] }]) {
    expect(parseNoise(other, 3)).toBeUndefined();
  }
}); // prettier-ignore
