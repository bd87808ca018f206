/** What the numbers of an evaluation depend on, besides the parameters. */
import { join } from "node:path";
import type { EvaluationKey } from "../streams/evaluate.ts";
import type { Config } from "./config.ts";

/** Settings that an interrupted evaluation must share to be gone on with. */
export function evaluationWork(config: Config, key: EvaluationKey): Readonly<Record<string, unknown>> {
  const { seed, sde, model, data, training, eval: evaluation } = config;
  const { smallestTime, continuous, likelihoodWeighting, importanceWeighting, reduceMean } = training;
  const { split, numImages, batchSize, repeats } = evaluation;
  const { rtol, atol, stepControl, hutchinson, boundForm, boundTimes, boundOffset } = evaluation;
  const own = {
    bpd: { rtol, atol, stepControl, hutchinson },
    bound: { boundForm, boundTimes, boundOffset },
    loss: { likelihoodWeighting, importanceWeighting, reduceMean },
  };
  return { seed, sde, model, data, smallestTime, continuous, split, numImages, batchSize, repeats, ...own[key] };
}

/** Where the values of each image are kept; evaluations that one may want side by side have files of their own. */
export function progressPath(
  workdir: string,
  { eval: { split, boundForm } }: Config,
  key: EvaluationKey,
  dequantization: "uniform" | "variational",
): string {
  const parts = [
    key,
    split === "train" && "train",
    key === "bound" && boundForm === "ssm" && "ssm",
    dequantization === "variational" && "variational",
  ];
  return join(workdir, "eval", `${parts.filter(Boolean).join("_")}.jsonl`);
}
