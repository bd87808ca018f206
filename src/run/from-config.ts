/** Converts the configuration's fields to the library's options. */
import type { SDE } from "../sde/sde.ts";
import { discrete } from "../sde/discrete.ts";
import { predicting } from "../sde/prediction.ts";
import { SDES } from "../sde/sdes.ts";
import type { Engine } from "../engine/load.ts";
import type { Weighting } from "../streams/score-matching.ts";
import type { Config } from "./config.ts";

/** The forward SDE. */
export function sdeOf(config: Config): SDE {
  const sde = continuousSDE(config);
  return config.training.continuous ? sde : discrete(sde);
}

/** The forward SDE as networks of continuous times know it. */
export const continuousSDE = ({ sde, model }: Config): SDE =>
  predicting(SDES[sde]({ ...model, N: model.numScales }), model.prediction);

/** The loss; how times are drawn counts with likelihood weighting only. */
export function weightingOf({ training }: Config): Weighting {
  if (!training.likelihoodWeighting) return "original";
  if (training.velocityTimes) return "velocity";
  return training.importanceWeighting ? "importance" : "likelihood";
}

/** Seed of evaluation and sampling, which share no random number with training. @see the reference: 42 and 43 */
export const evaluationSeed = ({ seed }: Config) => seed + 1;

/** Decay of the further average that is evaluated; undefined: the main one is. */
export const evaluatedRate = ({ model, eval: { emaRate } }: Config): number | undefined =>
  emaRate === model.emaRate ? undefined : emaRate;

/** True if functions are recorded as TensorFlow graphs: the configuration asks for it and the engine can. */
export const compiles = ({
  config,
  engine,
}: {
  readonly config: Pick<Config, "engine">;
  readonly engine: Pick<Engine, "native">;
}): boolean => config.engine.compile && engine.native;
