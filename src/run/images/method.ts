/** The parts of the method that an image pipeline may replace: how it evaluates and draws images. */
import { pipe, type OperatorFunction } from "rxjs";
import type { Batch } from "../../data/batch.ts";
import { bitsPerDim } from "../../streams/bits-per-dim.ts";
import { dataLoss } from "../../streams/data-loss.ts";
import { dequantize, type DequantizationNoise } from "../../streams/dequantize.ts";
import { likelihoodBound } from "../../streams/likelihood-bound.ts";
import { logLikelihood } from "../../streams/log-likelihood.ts";
import { predictorCorrector } from "../../streams/predictor-corrector.ts";
import { quantize } from "../../streams/quantize.ts";
import { sample } from "../../streams/sample.ts";
import { importanceWeighted } from "../../streams/importance-weighted.ts";
import { unnamed, type Stage } from "../../streams/stage.ts";
import { evaluationNoise, evaluationSeed, trainingNoise, weightingOf } from "../from-config.ts";
import type { RunContext } from "../pipeline.ts";
import type { Session } from "../session.ts";

/** Settings of a run, the signal that ends it, and a function that names stages for measurement. */
export type MethodContext = Pick<RunContext, "config" | "signal"> & { readonly stage?: Stage | undefined };

/** The network and SDE to evaluate, and their score. */
export type MeasuredModel = Pick<Session, "sde" | "network" | "state" | "score">;

/** Operators from images, bytes [B, H, W, C], to one number per image. */
export interface ImageMeasures {
  /** The training loss, on images prepared as in training; absent if there is none. */
  readonly loss?: OperatorFunction<Batch<"image">, Batch<"loss">>;
  /** Bits/dim by the probability flow ODE. */
  readonly likelihood: OperatorFunction<Batch<"image">, Batch<"bpd">>;
  /** The variational bound, bits/dim. */
  readonly bound: OperatorFunction<Batch<"image">, Batch<"bpd">>;
}

/**
 * Builds the measures from the configuration. `draw` is the noise of a trained dequantizer; without it, the noise is
 * uniform.
 */
export type Measures = (context: MethodContext, session: MeasuredModel, draw?: DequantizationNoise) => ImageMeasures;

/** Builds the sampler from the configuration: from latents, float32 [B, H, W, C], to bytes. */
export type ImageSampler = (
  context: MethodContext,
  session: MeasuredModel,
) => OperatorFunction<Batch<"latent">, Batch<"latent" | "data" | "image">>;

/**
 * Returns the standard measures of a score model of images. `pipelines/cifar10.ts` shows their parts one by one.
 *
 * @see Song et al. 2021, Sections 4 and 5
 */
export const imageMeasures: Measures = ({ config, signal, stage = unnamed }, { sde, network, state, score }, draw) => {
  const { eval: evaluation, training } = config;
  const { boundTimes: times, boundOffset: offset, boundForm: form } = evaluation;
  const { centered } = config.data;
  const [seed, weighting, eps] = [evaluationSeed(config), weightingOf(config), training.smallestTime];
  const options = { ...evaluation, eps, seed, signal };
  const bytes = { levels: 256, centered };
  const [noise, trained] = [evaluationNoise(config, draw), trainingNoise(config)];
  // No dequantization bounds discrete data, as truncated noise would have to be cut at all times.
  const cells = noise.kind === "truncated" ? bytes : undefined;
  return {
    ...(training.continuous && {
      loss: pipe(
        stage("dequantize", dequantize<"image">(trained.kind, { seed, ...trained })),
        stage("loss", dataLoss(network, sde, state, { weighting, eps, seed })),
      ),
    }),
    likelihood: importanceWeighted<"image">(evaluation.importanceSamples, (sample) =>
      pipe(
        stage("dequantize", dequantize<"image">(noise.kind, { seed, ...noise, sample })),
        stage("likelihood", logLikelihood<"logQ">(score, sde, options)),
        bitsPerDim(bytes),
      ),
    ),
    bound: pipe(
      stage("dequantize", dequantize<"image">(cells ? "middle" : noise.kind, { seed, ...noise })),
      stage("bound", likelihoodBound<"logQ">(score, sde, { ...options, times, offset, form, cells })),
      bitsPerDim(bytes),
    ),
  };
};

/** Returns the sampler that `sampling.method` names, from latents to data. */
export function samplerOf(
  { config, signal }: MethodContext,
  { sde, score }: Pick<Session, "sde" | "score">,
  seed = evaluationSeed(config),
): OperatorFunction<Batch<"latent">, Batch<"latent" | "data">> {
  const { method, nStepsEach: nSteps, smallestTime: eps, noiseRemoval: denoise, ...sampling } = config.sampling;
  const options = { ...sampling, eps, denoise, signal };
  return method === "ode"
    ? sample<"latent">(score, sde, options)
    : predictorCorrector<"latent">(score, sde, { ...options, nSteps, seed });
}

/** Returns the standard sampler of images: the one that `sampling.method` names, then conversion to bytes. */
export const imageSampler: ImageSampler = (context, session) =>
  pipe(samplerOf(context, session), quantize<"latent" | "data">({ centered: context.config.data.centered }));
