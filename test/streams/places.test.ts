/** A stage in a wrong place fails by name, in a program that no compiler has checked. */
import { lastValueFrom, of, type Observable, type OperatorFunction } from "rxjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createBatch, type Batch } from "../../src/data/batch.ts";
import { loadEngine } from "../../src/engine/load.ts";
import { tf } from "../../src/engine/tf.ts";
import type { ScoreNetwork } from "../../src/models/score-network.ts";
import type { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import type { TrainState } from "../../src/training/train-state.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { adam } from "../../src/streams/adam.ts";
import { betweenSteps } from "../../src/streams/between-steps.ts";
import { bitsPerDim } from "../../src/streams/bits-per-dim.ts";
import { captureState } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { asAveraged, ema } from "../../src/streams/ema.ts";
import { flip } from "../../src/streams/flip.ts";
import { gradientOf } from "../../src/streams/gradient.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { quantize } from "../../src/streams/quantize.ts";
import { record } from "../../src/streams/record.ts";
import { sample } from "../../src/streams/sample.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatchingLoss } from "../../src/streams/score-matching-loss.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { sumWindow } from "../../src/streams/sum-window.ts";
import { dataBatch, imageBatch, infoAt, perturbedBatch, sde } from "./fixture.ts";

const state = { step: 1, parameters: undefined } as unknown as TrainState;
const network = {} as ScoreNetwork;
const scores = {} as never;
const eps = 1e-3;
const one = { data: Float32Array.of(1), shape: [] };
const step = createBatch({ loss: one, gradNorm: one, learningRate: one }, infoAt());
const losses = createBatch({ t: one, loss: one }, infoAt());

const images = () => imageBatch(2);
const vectors = () => dataBatch(2, [3]);
const perturbed = () => perturbedBatch(2, [3]);
const gradient = (of: "shard" | "step") => () => gradientOf(of, losses, tf.zeros([1]));
const captured = () => ({ ...step, updates: 1 });

const noise = { seed: 1 };
const times = { eps, density: "uniform", seed: 1 } as const;
const solver = { eps, rtol: 0.1, atol: 0.1 };
const optimizer = {} as never;
const rate = { rate: 0.5, compile: false };
const score = { weighting: "original", seed: 1 } as const;
const between = { every: 1, last: 9, meter: {} as never, tell: () => {} };
const store = {} as CheckpointStore;
const logs = { steps: 1, every: 1, batchSize: 1 };
const once = /stands once/;

const cases: [string, () => unknown, () => OperatorFunction<never, unknown>, RegExp][] = [
  ["flip behind dequantize", vectors, () => flip(noise), /^flip: the column "image" is missing.* has: data$/],
  ["dequantize of floats", vectors, () => dequantize("none", { seed: 1, centered: true }), /^dequantize: .*"image"/],
  ["no dequantize", images, () => perturb(sde, noise), /^perturb: .*"data" is missing.*dequantize.* has: image$/],
  ["no sampleTime", vectors, () => perturb(sde, noise), /^perturb: .*"t" is missing.* perturb: sampleTime\. /],
  ["perturb twice", perturbed, () => perturb(sde, noise), once],
  ["sampleTime behind perturb", perturbed, () => sampleTime(sde, times), once],
  ["no perturb", vectors, () => scoreMatching(network, sde, state, score), /^scoreMatching: .* scoreMatching: perturb\. /],
  ["no perturb in the loss", vectors, () => scoreMatchingLoss(network, sde, state, score), /^scoreMatchingLoss: .*perturb/],
  ["scoreMatching twice", gradient("shard"), () => scoreMatching(network, sde, state, score), /^scoreMatching: .*batches/],
  ["accumulate twice, one shard", gradient("step"), () => accumulate(1), once],
  ["accumulate twice", gradient("step"), () => accumulate(2), once],
  ["no scoreMatching", () => losses, () => accumulate(1), /^accumulate: .*scoreMatching/],
  ["no accumulate", gradient("shard"), () => adam(state, optimizer), /^adam: .*accumulate/],
  ["adam twice", () => step, () => adam(state, optimizer), /^adam: .*accumulate/],
  ["ema before adam", gradient("step"), () => ema(state, rate), /^ema: .*adam/],
  ["ema before scoreMatching", perturbed, () => ema(state, rate), /^ema: the column "learningRate".*: adam\. /],
  ["ema twice", () => asAveraged(step), () => ema(state, rate), once],
  ["ema behind captureState", captured, () => ema(state, rate), /^ema: .*before captureState/],
  ["sumWindow behind captureState", captured, () => sumWindow(state, logs), /^sumWindow: .*before captureState/],
  ["captureState twice", captured, () => captureState(state, { every: [1] }), once],
  ["no captureState before checkpoint", () => step, () => checkpoint(state, store, { every: 1 }), /^checkpoint: .*captureState/],
  ["no captureState before a look", () => step, () => betweenSteps(() => of(1), between), /^betweenSteps: .*captureState/],
  ["no ema", () => step, () => record(logs), /^record: .*ema/],
  ["no logLikelihood", vectors, () => bitsPerDim({ levels: 256, centered: true }), /^bitsPerDim: .*"logp".*logLikelihood/],
  ["the likelihood of bytes", images, () => logLikelihood(scores, sde, { ...solver, hutchinson: "gaussian", seed: 1 }), /^logLikelihood: .*dequantize/],
  ["samples of data", vectors, () => sample(scores, sde, { ...solver, denoise: true }), /^sample: .*"latent".*priorBatches/],
  ["quantize of the prior", () => createBatch({ latent: one }, infoAt()), () => quantize({ centered: true }), /^quantize: .*"data"/],
]; // prettier-ignore

describe("a stage in a wrong place", () => {
  beforeAll(() => loadEngine());

  it.each(cases)("is named: %s", async (_, value, operator, message) => {
    const source = of(value()) as Observable<never>;
    await expect(lastValueFrom(source.pipe(operator()))).rejects.toThrow(message);
  });

  it("is not seen in a pipeline that is right", async () => {
    const batch: Batch<"perturbed"> = await lastValueFrom(
      of(vectors()).pipe(sampleTime(sde, times), perturb(sde, noise)),
    );
    expect(batch.size).toBe(2);
  });
});
