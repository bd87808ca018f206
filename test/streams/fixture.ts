/** Batches and models for the tests of the operators. */
import type { Tensor } from "@tensorflow/tfjs";
import { of } from "rxjs";
import { createBatch, type Batch, type BatchInfo } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import type { NcsnppConfig } from "../../src/models/ncsnpp.ts";
import type { ScoreModel } from "../../src/models/score-model.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { examplesOf, type LoadedExamples } from "../../src/data/examples.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { normal } from "../support/tensors.ts";

export const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });

export const infoAt = (over: Partial<BatchInfo> = {}): BatchInfo => ({
  step: 0,
  shard: 0,
  shards: 1,
  firstSample: 0,
  ...over,
});

/** Bytes that tell the examples apart: value i of example e is (7 e + i) mod 256. */
export function imageExamples(length: number, shape: readonly number[] = [2, 3, 1]): LoadedExamples<Uint8Array> {
  const width = shape.reduce((a, b) => a * b, 1);
  const data = Uint8Array.from({ length: length * width }, (_, i) => 7 * Math.floor(i / width) + (i % width));
  return examplesOf(data, shape);
}

export function imageBatch(size: number, over: Partial<BatchInfo> = {}, shape?: readonly number[]): Batch<"image"> {
  const examples = imageExamples(size, shape);
  const data = examples.load(Array.from({ length: size }, (_, i) => i));
  return createBatch({ image: { data, shape: examples.shape } }, infoAt(over));
}

/** Standard normal `data` of the shape. */
export function dataBatch(size: number, shape: readonly number[], over: Partial<BatchInfo> = {}): Batch<"data"> {
  const data = normal(size * shape.reduce((a, b) => a * b, 1), 5);
  return createBatch({ data: { data, shape } }, infoAt(over));
}

/** What `scoreMatching` takes. */
export function perturbedBatch(size: number, shape: readonly number[], over: Partial<BatchInfo> = {}) {
  let result: Batch<"data" | "t" | "noise" | "perturbed"> | undefined;
  of(dataBatch(size, shape, over))
    .pipe(sampleTime(sde, { eps: 1e-3, density: "uniform", seed: 1 }), perturb(sde, { seed: 2 }))
    .subscribe((batch) => (result = batch));
  return result!;
}

/** The network w x + b with two numbers as its parameters: its loss and gradient are known. */
export const linearModel = (shape: readonly number[] = [2, 2, 1]): ScoreModel => ({
  shape,
  parameters: [
    { name: "b", shape: [1], init: { kind: "normal", std: 1 } },
    { name: "w", shape: [1], init: { kind: "normal", std: 1 } },
  ],
  apply: ({ parameters }, x) => tf.add(tf.mul(x, parameters.w as Tensor), parameters.b as Tensor),
});

/** NCSN++ as small as it gets. */
export const TINY: NcsnppConfig = {
  imageSize: 8,
  channels: 1,
  centered: true,
  nf: 4,
  chMult: [1, 1],
  numResBlocks: 1,
  attnResolutions: [4],
  dropout: 0,
  resampWithConv: true,
  conditional: true,
  fir: false,
  firKernel: [1, 3, 3, 1],
  skipRescale: true,
  resblockType: "biggan",
  progressive: "none",
  progressiveInput: "none",
  progressiveCombine: "sum",
  embeddingType: "positional",
  fourierScale: 16,
  initScale: 1,
  nonlinearity: "swish",
  scaleBySigma: false,
  logCondition: false,
};
