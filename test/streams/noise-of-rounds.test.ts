/** The curves of rounds of local steps, and what a checkpoint keeps of them. */
import { from, ignoreElements, lastValueFrom, map, pipe, Subject, tap } from "rxjs";
import { expect, it, onTestFinished } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { gradientOf } from "../../src/streams/gradient.ts";
import { noiseOfRounds } from "../../src/streams/noise-of-rounds.ts";
import type { ReplicaRound } from "../../src/training/replica.ts";
import { NoiseWindows, parseNoise, type NoiseWindow } from "../../src/training/noise-window.ts";
import { infoAt } from "./fixture.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
/** Steps of a round, and between curves. */
const [ROUNDS, EVERY, REPLICAS] = [3, 6, 2];

function gradientAt(step: number, loss: number) {
  const column = (value: number) => ({ data: Float32Array.of(value), shape: [] });
  const tensor = tf.tensor1d([0]);
  onTestFinished(() => tensor.dispose());
  return gradientOf("step", createBatch({ t: column(0.5), loss: column(loss) }, infoAt({ step })), tensor);
}

function rowOf(step: number) {
  const one = { data: Float32Array.of(step), shape: [] };
  return createBatch({ loss: one, gradNorm: one, learningRate: one }, infoAt({ step }));
}

/** Goes through rounds from a step to another with the sums of a checkpoint; a replica is given up in the middle first. */
async function rounds(first: number, last: number, noise?: NoiseWindow) {
  const state = { step: first, noise: new NoiseWindows(noise) };
  const meter = new Meter();
  const options = { meter, bins: 1, every: EVERY, weighting: "original", eps: 1e-3, state, rounds: ROUNDS } as const;
  const { inRound, afterRound } = noiseOfRounds(sde, options);
  const take = (steps: readonly number[], scale: number) =>
    lastValueFrom(from(steps.map((step) => gradientAt(step, scale * (step + 1)))).pipe(inRound, ignoreElements()), { defaultValue: 0 }); // prettier-ignore
  const starts = Array.from({ length: (last - first) / ROUNDS }, (_, i) => first + i * ROUNDS);
  const replicas = async (start: number) => {
    const steps = Array.from({ length: ROUNDS }, (_, i) => start + i);
    await take(steps.slice(0, -1), 1e9);
    for (let replica = 1; replica <= REPLICAS; replica++) await take(steps, replica);
  };
  const told: (readonly [step: number, value: number])[] = [];
  const hear = () => {
    const weighted = meter.ofSteps(last).filter(({ name }) => name.startsWith("loss_by_noise/unweighted/"));
    told.push(...weighted.map(({ step, value }) => [step, value] as const));
  };
  const applied = pipe(
    map((start: number) => rowOf(start + ROUNDS - 1)),
    afterRound,
    tap(() => (state.step += ROUNDS)),
  );
  // The stage behind the rounds is subscribed to first, as in a pipeline.
  await new Promise<void>((resolve, reject) => {
    const each = async function* () {
      for (const start of starts) {
        await replicas(start);
        yield start;
      }
    };
    from(each()).pipe(applied).subscribe({ next: hear, error: reject, complete: resolve });
  });
  hear();
  return { told, noise: parseNoise(JSON.parse(JSON.stringify(state.noise.at(last) ?? null)), last) };
}

/** The mean over the replicas' whole rounds of steps (from, to]. */
const mean = (from: number, to: number) =>
  ((1 + REPLICAS) / 2) * (Array.from({ length: to - from }, (_, i) => from + i + 1).reduce((a, b) => a + b) / (to - from)); // prettier-ignore

it("are over all replicas' whole rounds since the last one, and nothing that was given up", async () => {
  const { told } = await rounds(0, 18);
  expect(told.map(([step]) => step)).toEqual([6, 12, 18]);
  for (const [i, [, value]] of told.entries()) expect(value).toBeCloseTo(mean(6 * i, 6 * i + 6), 5);
});

it.each([3, 6, 9, 15])("of a run that ended after step %i are those of one that never did", async (end) => {
  const whole = await rounds(0, 18);
  const first = await rounds(0, end);
  const second = await rounds(end, 18, first.noise);
  // That of the last step is told again, in case it was lost.
  expect(second.told).toEqual(whole.told.filter(([step]) => step >= end));
  expect([...first.told.filter(([step]) => step < end), ...second.told]).toEqual(whole.told);
});

it("leave out a replica that was given up in its last step, and one that another node computed again", async () => {
  const state = { step: 0, noise: new NoiseWindows() };
  const meter = new Meter();
  let round: ReplicaRound = { givenUp: false };
  const options = { meter, bins: 1, every: ROUNDS, weighting: "original", eps: 1e-3, state, rounds: ROUNDS } as const;
  const { inRound, afterRound } = noiseOfRounds(sde, { ...options, round: () => round });
  const records = new Subject<ReturnType<typeof rowOf>>();
  records.pipe(afterRound).subscribe();
  const take = async (loss: number) => {
    const own: ReplicaRound = { givenUp: false };
    round = own;
    const steps = Array.from({ length: ROUNDS }, (_, step) => gradientAt(step, loss));
    await lastValueFrom(from(steps).pipe(inRound, ignoreElements()), { defaultValue: 0 });
    return own;
  };
  const first = await take(1e9);
  await take(2);
  first.givenUp = true;
  records.next(rowOf(ROUNDS - 1));
  const told = meter.ofSteps(ROUNDS).filter(({ name }) => name.startsWith("loss_by_noise/unweighted/"));
  expect(told.map(({ step, value }) => [step, value])).toEqual([[ROUNDS, 2]]);
});

it("are not told for no bins, and refuse what is no whole number", () => {
  const state = { step: 0, noise: new NoiseWindows() };
  const options = {
    meter: new Meter(),
    bins: 0,
    every: 1,
    weighting: "original",
    eps: 1e-3,
    state,
    rounds: 2,
  } as const;
  const { inRound, afterRound } = noiseOfRounds(sde, options);
  const [gradients, records] = [from([gradientAt(0, 1)]), from([rowOf(0)])];
  expect(inRound(gradients)).toBe(gradients);
  expect(afterRound(records)).toBe(records);
  expect(() => noiseOfRounds(sde, { ...options, bins: 0.5 })).toThrow(
    "noiseOfRounds: bins must be a whole number, got 0.5",
  );
});
