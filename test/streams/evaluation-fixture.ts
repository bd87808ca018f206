/** Data whose score is known exactly, for the operators of evaluation. */
import { createBatch, type Batch } from "../../src/data/batch.ts";
import { gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { normal } from "../support/tensors.ts";
import { infoAt, sde } from "./fixture.ts";

export const shape = [2, 1, 1];
const mean = [0.3, -0.2];
const std = [0.5, 0.8];
export const exactScore = gaussianScore({ shape, mean, std }, sde);

/** Draws from the Gaussian. */
export function gaussianBatch(size: number, step = 0): Batch<"data"> {
  const data = normal(2 * size, 100 + step).map((z, i) => mean[i % 2]! + std[i % 2]! * z);
  return createBatch({ data: { data, shape } }, infoAt({ step, firstSample: step * size }));
}

/** log p(data) in nats, [B]. */
export const exactLogp = (data: Float32Array) => gaussianLogDensity(data, mean, std);

/** Calls `then` at the third evaluation of the exact score. */
export function atThirdEvaluation(then: () => void): typeof exactScore {
  let evaluations = 0;
  const count =
    <A extends unknown[], R>(fn: (...args: A) => R) =>
    (...args: A): R => {
      if (++evaluations === 3) then();
      return fn(...args);
    };
  const { score, scoreAndDivergence } = exactScore;
  return { ...exactScore, score: count(score), scoreAndDivergence: count(scoreAndDivergence) };
}
