/** Operators that compute in another thread keep the order, and work on one batch at a time. */
import { lastValueFrom, map, Subject, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, type Batch, type BatchInfo } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import type { DequantizationLoss } from "../../src/models/flowpp/loss.ts";
import type { ScoreNetwork } from "../../src/models/score-network.ts";
import type { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import type { Snapshot, TrainState } from "../../src/training/train-state.ts";
import type { Captured } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import { dequantizationLoss } from "../../src/streams/dequantization-loss.ts";
import { likelihoodBound } from "../../src/streams/likelihood-bound.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { predictorCorrector } from "../../src/streams/predictor-corrector.ts";
import { sample } from "../../src/streams/sample.ts";
import { scoreMatchingLoss } from "../../src/streams/score-matching-loss.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { infoAt, sde } from "./fixture.ts";

type Input = Batch<"t" | "noise" | "perturbed" | "data" | "latent" | "image">;

/** A batch whose size tells it from the others. */
function input(size: number): Input {
  const column = { data: new Float32Array(size).fill(0.5), shape: [1, 1, 1] };
  const at = 0.5 * (sde.meanCoeff(0.5) + sde.std(0.5));
  const perturbed = { ...column, data: new Float32Array(size).fill(at) };
  const columns = {
    ...{ t: { ...column, shape: [] }, noise: column, perturbed, data: column, latent: column },
    image: { data: new Uint8Array(size), shape: [1, 1, 1] },
  };
  return createBatch(columns, infoAt({ step: size }));
}

/** Work whose first answer waits for `open`; the others come at once. `entered` are the sizes of what is worked on. */
function gate() {
  const entered: number[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const pass = async <T>(size: number, answer: T): Promise<T> => {
    entered.push(size);
    if (entered.length === 1) await opened;
    return answer;
  };
  const zeros = (size: number) => new Float32Array(size);
  const lossAndGradient = async (size: number) => {
    await pass(size, 0);
    return { losses: zeros(size), gradient: tf.zeros([1]) };
  };
  const score = {
    shape: [1, 1, 1],
    score: (x: Float32Array) => pass(x.length, zeros(x.length)),
    scoreAndDivergence: (x: Float32Array) =>
      pass(x.length, { score: zeros(x.length), divergence: new Float64Array(x.length) }),
  };
  const network = {
    lossAndGradient: (_: unknown, { weight }: { weight: Float32Array }) => lossAndGradient(weight.length),
    losses: (_: unknown, { weight }: { weight: Float32Array }) => pass(weight.length, zeros(weight.length)),
  } as unknown as ScoreNetwork;
  const dequantization = {
    lossAndGradient: (_: unknown, __: unknown, { t }: { t: Float32Array }) => lossAndGradient(t.length),
  } as unknown as DequantizationLoss;
  return { entered, open: () => open(), score, network, dequantization };
}

const state = {} as TrainState;
const solver = { eps: 1e-3, rtol: 0.1, atol: 0.1 };
const pc = {
  ...{ eps: 1e-3, snr: 0.1, nSteps: 1, probabilityFlow: false, denoise: true, seed: 1 },
  ...({ predictor: "euler_maruyama", corrector: "none" } as const),
};
const bound = { eps: 1e-3, times: 2, offset: true, seed: 1 };
const dequantizer = { score: undefined as never, eps: 1e-3, importance: false, centered: true, seed: 1 };
const few = { ...sde, N: 3 };
type Gate = ReturnType<typeof gate>;
type Output = { readonly info: BatchInfo } | { readonly batch: { readonly info: BatchInfo } };
type Operator = (source: Observable<Input>) => Observable<Output>;
const operators: [string, (gate: Gate) => Operator][] = [
  ["scoreMatching", ({ network }) => scoreMatching(network, sde, state, { weighting: "original", seed: 1 })],
  ["scoreMatchingLoss", ({ network }) => scoreMatchingLoss(network, sde, state, { weighting: "original" })],
  ["logLikelihood", ({ score }) => logLikelihood(score, sde, { ...solver, hutchinson: "rademacher", seed: 1 })],
  ["likelihoodBound", ({ score }) => likelihoodBound(score, sde, bound)],
  ["sample", ({ score }) => sample(score, sde, { ...solver, denoise: true })],
  ["predictorCorrector", ({ score }) => predictorCorrector(score, few, pc)],
  ["dequantizationLoss", ({ dequantization }) => dequantizationLoss(dequantization, sde, state, dequantizer)],
];

const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};
const stepOf = map((out: Output) => ("batch" in out ? out.batch : out).info.step);

describe.each(operators)("%s", (_, make) => {
  it("begins a batch when the one before is done, however long that takes", async () => {
    await expectNoLeak(async () => {
      const work = gate();
      const source = new Subject<Input>();
      const seen: number[] = [];
      const done = lastValueFrom(
        source.pipe(
          make(work),
          stepOf,
          map((step) => seen.push(step)),
        ),
      );
      for (const size of [3, 1, 2]) source.next(input(size));
      source.complete();
      await turns();
      expect([seen, work.entered]).toEqual([[], [3]]);
      work.open();
      await done;
      expect(seen).toEqual([3, 1, 2]);
      expect(work.entered.filter((size, i) => size !== work.entered[i - 1])).toEqual([3, 1, 2]);
    });
  });

  it("begins no other batch, emits nothing and leaves nothing once unsubscribed", async () => {
    await expectNoLeak(async () => {
      const work = gate();
      const source = new Subject<Input>();
      const seen: number[] = [];
      const subscription = source.pipe(make(work), stepOf).subscribe((step) => seen.push(step));
      for (const size of [3, 1]) source.next(input(size));
      await turns();
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      work.open();
      await turns();
      expect([seen, new Set(work.entered)]).toEqual([[], new Set([3])]);
    });
  });
});

describe("checkpoint", () => {
  it("hands values on in order when a later file is on the disk before an earlier one", async () => {
    const written: (() => void)[] = [];
    const store = { save: () => new Promise<void>((resolve) => written.push(resolve)) } as unknown as CheckpointStore;
    const at = { step: 0, snapshot: () => ({ step: at.step }) };
    const source = new Subject<Captured>();
    const seen: number[] = [];
    const saved = source.pipe(checkpoint(at as unknown as TrainState, store, { every: 1 }));
    const subscription = saved.subscribe(({ updates }) => seen.push(updates));
    for (at.step = 1; at.step <= 3; at.step++) source.next({ updates: at.step, copy: at.snapshot() as Snapshot });
    written[2]!();
    written[1]!();
    await turns();
    expect(seen).toEqual([]);
    written[0]!();
    await turns();
    expect(seen).toEqual([1, 2, 3]);
    subscription.unsubscribe();
  });
});
