/** Converts the configuration's fields to the library's options. */
import type { SDE } from "../sde/sde.ts";
import { discrete } from "../sde/discrete.ts";
import { predicting } from "../sde/prediction.ts";
import { SDES } from "../sde/sdes.ts";
import type { Engine } from "../engine/load.ts";
import type { DensityKind, DequantizationKind, DequantizationNoise, DequantizeOptions } from "../streams/dequantize.ts";
import type { Weighting } from "../streams/score-matching.ts";
import type { Config } from "./config.ts";

/** Returns the forward SDE. */
export function sdeOf(config: Config): SDE {
  const sde = continuousSDE(config);
  return config.training.continuous ? sde : discrete(sde);
}

/** The forward SDE as networks of continuous times know it. */
export const continuousSDE = ({ sde, model }: Config): SDE =>
  predicting(SDES[sde]({ ...model, N: model.numScales }), model.prediction);

/** Returns the weighting of the loss. How times are drawn only matters with likelihood weighting. */
export function weightingOf({ training }: Config): Weighting {
  if (!training.likelihoodWeighting) return "original";
  if (training.velocityTimes) return "velocity";
  return training.importanceWeighting ? "importance" : "likelihood";
}

/**
 * Returns the seed of evaluation and sampling, which share no random numbers with training.
 *
 * @see the reference: 42 and 43
 */
export const evaluationSeed = ({ seed }: Config) => seed + 1;

/** Returns the decay of the average to evaluate; undefined: the main one. */
export const evaluatedRate = ({ model, eval: { emaRate } }: Config): number | undefined =>
  emaRate === model.emaRate ? undefined : emaRate;

/** Kind and options of the noise on images. */
export interface ImageNoise extends Pick<DequantizeOptions, "centered" | "draw" | "at"> {
  readonly kind: DequantizationKind;
}

/** Returns the noise for training images. */
export function trainingNoise(config: Config): ImageNoise {
  const { centered, dequantization, uniformDequantization } = config.data;
  const kind = dequantization ?? (uniformDequantization ? "uniform" : "none");
  if (kind !== "truncated") return { kind, centered };
  const sde = continuousSDE(config);
  const eps = config.training.smallestTime;
  // Data of time 0, to which the noise of a time is added.
  return { kind, centered, at: { alpha: 1, sigma: sde.std(eps) / sde.meanCoeff(eps) } };
}

/** Returns the noise for evaluated images; `draw` draws from a trained dequantizer. */
export function evaluationNoise(
  config: Config,
  draw?: DequantizationNoise,
): ImageNoise & { readonly kind: DensityKind } {
  const { centered } = config.data;
  if (draw) return { kind: "variational", centered, draw };
  if (config.eval.dequantization === "uniform") return { kind: "uniform", centered };
  const sde = continuousSDE(config);
  const eps = config.training.smallestTime;
  return { kind: "truncated", centered, at: { alpha: sde.meanCoeff(eps), sigma: sde.std(eps) } };
}

/** True if functions are recorded as TensorFlow graphs: the configuration enables it and the engine supports it. */
export const compiles = ({
  config,
  engine,
}: {
  readonly config: Pick<Config, "engine">;
  readonly engine: Pick<Engine, "native">;
}): boolean => config.engine.compile && engine.native;
