/** Converts the configuration's fields to the network's options. */
import { UsageError } from "../base/errors.ts";
import type { NcsnppConfig } from "../models/ncsnpp-config.ts";
import type { ImageShape } from "../models/score-model.ts";
import { configProblems } from "./config-checks.ts";
import type { Config } from "./config.ts";
import { sdeOf } from "./from-config.ts";

/**
 * Returns the options of `ncsnpp` for square images of a shape.
 *
 * @throws UsageError when `model.*` does not fit the shape.
 */
export function networkOf(config: Config, [imageSize, , channels]: ImageShape): NcsnppConfig {
  const [problem] = configProblems(config, imageSize);
  if (problem) throw new UsageError(problem.message, problem.remedy);
  const { model, data } = config;
  return { ...model, imageSize, channels, centered: data.centered, logCondition: sdeOf(config).condition === "sigma" };
}
