/** The properties, besides the parameters, that determine the numbers of an evaluation. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readProgress } from "../data/formats/read-progress.ts";
import { UsageError } from "../base/errors.ts";
import { evaluationName, type EvaluationKey, type EvaluationKind } from "../streams/evaluate.ts";
import { codeVersion } from "../base/code-version.ts";
import { engineText } from "../engine/load.ts";
import type { Config } from "./config.ts";
import { ownPart } from "./own-fields.ts";
import { compiles, evaluatedRate } from "./from-config.ts";
import type { RunContext } from "./pipeline.ts";

/**
 * Collects the properties that must be equal for an interrupted evaluation to go on.
 *
 * @param images Digest of the evaluated data; their folder does not count where it is known.
 */
export function evaluationWork(config: Config, key: EvaluationKey, images?: string): Readonly<Record<string, unknown>> {
  const { seed, sde, model, data, training, eval: evaluation } = config;
  const { smallestTime, continuous, likelihoodWeighting, importanceWeighting, velocityTimes, reduceMean } = training;
  const { split, numImages, batchSize, repeats } = evaluation;
  const { rtol, atol, stepControl, timeVariable, hutchinson, boundForm, boundTimes, boundOffset } = evaluation;
  const own = {
    // Absent where it is what it was before there was a choice.
    bpd: { rtol, atol, stepControl, hutchinson, ...(timeVariable !== "t" && { timeVariable }) },
    bound: { boundForm, boundTimes, boundOffset },
    loss: { likelihoodWeighting, importanceWeighting, velocityTimes, reduceMean },
  };
  const which = images === undefined ? { data } : { data: { ...data, path: undefined }, images };
  const shared = { seed, sde, model, ...which, smallestTime, continuous, split, numImages, batchSize, repeats };
  const half = evaluation.precision === "bfloat16" && { precision: evaluation.precision };
  const { dequantization, importanceSamples } = evaluation;
  const noise = {
    ...(dequantization !== "uniform" && key !== "loss" && { dequantization }),
    ...(importanceSamples > 1 && key === "bpd" && { importanceSamples }),
  };
  return { ...shared, ...own[key], ...half, ...noise, ...ownPart(config) };
}

/** The kind of a result; `variational`: by a trained dequantizer. The loss is that of images as the training has them. */
export function evaluationKind(config: Config, key: EvaluationKey, variational: boolean): EvaluationKind {
  const { split, boundForm: form, dequantization, importanceSamples } = config.eval;
  const emaRate = evaluatedRate(config);
  if (key === "loss") return { split, emaRate };
  return { split, form, emaRate, importanceSamples, dequantization: variational ? "variational" : dequantization };
}

/** Path of the values of each image. Evaluations that a user may want side by side have files of their own. */
export function progressPath(
  workdir: string,
  config: Config,
  key: EvaluationKey,
  dequantization: "uniform" | "variational",
): string {
  const kind = evaluationKind(config, key, dequantization === "variational");
  return join(workdir, "eval", `${evaluationName(key, kind)}.jsonl`);
}

type Work = Readonly<Record<string, unknown>>;

/** Identifies the program that computes the numbers of a run. */
export const computedBy = ({ config, engine, file }: Pick<RunContext, "config" | "engine" | "file">) => ({
  code: codeVersion(file),
  engine: engineText(engine),
  compile: compiles({ config, engine }),
});

/** Leaves out the entries that tell versions apart. */
const ofAnyVersion = (work: Work): Work => ({ ...work, code: "", engine: "" });

/**
 * Numbers of two versions are not mixed: what one has begun, another does not go on with.
 *
 * @param path Of a `ProgressFile`.
 * @param done Images behind its entries.
 * @param total Images of the whole work; what is whole is not gone on with.
 * @throws UsageError when another version has begun just this work and not ended it.
 */
export function requireSameVersion<T>(
  path: string,
  work: Work,
  total: number,
  done: (entries: readonly T[]) => number,
) {
  const found = readProgress<T>(path);
  if (!found) return;
  const [was, is] = [found.work as Work, JSON.parse(JSON.stringify(work)) as Work];
  const count = done(found.entries);
  if (isDeepStrictEqual(was, is) || !isDeepStrictEqual(ofAnyVersion(was), ofAnyVersion(is))) return;
  if (count === 0 || count >= total) return;
  const version = (work: Work) => {
    const { code = "of before", engine } = work as { code?: string; engine: string };
    return `ScoreStream ${code} on ${engine}`;
  };
  throw new UsageError(
    `${path}: ${count} of ${total} images come from ${version(was)}, but this is ${version(is)}; results of two versions are never mixed`,
    `use that version, or remove the file to compute all images with this one`,
  );
}
