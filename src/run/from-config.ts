/** From the configuration's fields to the library's options. */
import type { NcsnppConfig } from "../models/ncsnpp.ts";
import type { SDE } from "../sde/sde.ts";
import { discrete } from "../sde/discrete.ts";
import { subVpSDE } from "../sde/sub-vp.ts";
import { veSDE } from "../sde/ve.ts";
import { vpSDE } from "../sde/vp.ts";
import type { Weighting } from "../streams/score-matching.ts";
import type { Config } from "./config.ts";

/** The forward SDE. */
export function sdeOf(config: Config): SDE {
  const sde = continuousSDE(config);
  return config.training.continuous ? sde : discrete(sde);
}

function continuousSDE({ sde, model }: Config): SDE {
  const N = model.numScales;
  switch (sde) {
    case "vp":
      return vpSDE({ ...model, N });
    case "subvp":
      return subVpSDE({ ...model, N });
    case "ve":
      return veSDE({ ...model, N });
  }
}

/** The score network for images [imageSize, imageSize, channels]. */
export function networkOf({ sde, model, data, training }: Config, imageSize: number, channels: number): NcsnppConfig {
  return { ...model, imageSize, channels, centered: data.centered, logCondition: sde === "ve" && training.continuous };
}

/** The loss; importance weighting counts with likelihood weighting only. */
export function weightingOf({ training }: Config): Weighting {
  if (!training.likelihoodWeighting) return "original";
  return training.importanceWeighting ? "importance" : "likelihood";
}

/** Seed of evaluation and sampling, which share no random number with training. @see the reference: 42 and 43 */
export const evaluationSeed = ({ seed }: Config) => seed + 1;
