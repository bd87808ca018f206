/** The properties, besides the parameters, that determine the images of a sampling. */
import type { Config } from "../config.ts";
import { evaluationSeed } from "../from-config.ts";
import { ownPart } from "../own-fields.ts";

/** Collects the properties that must be equal for an interrupted sampling to go on. */
export function samplesWork(config: Config): Readonly<Record<string, unknown>> {
  const { sde, model, sampling, training, data, eval: evaluation } = config;
  const { batchSize, precision } = evaluation;
  const { timeVariable, ...solver } = sampling;
  // Absent where it is what it was before there was a choice.
  const variable = timeVariable !== "t" && { timeVariable };
  return {
    ...{ seed: evaluationSeed(config), sde, model, sampling: { ...solver, ...variable }, batchSize },
    ...{ continuous: training.continuous, centered: data.centered },
    ...(precision === "bfloat16" && { precision }),
    ...ownPart(config),
  };
}
