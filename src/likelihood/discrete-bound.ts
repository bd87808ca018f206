/** The variational bound on discrete data, which needs no dequantization. */
import { turn } from "../base/turn.ts";
import { perturbExamples } from "../sde/perturb.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { exampleSize } from "../sde/shapes.ts";
import type { BoundOptions } from "./bound.ts";
import { cellWidth, levelOf, reconstructionNats, type Cells } from "./cells.ts";

/** Options of {@link discreteBound}. */
export interface DiscreteBoundOptions extends Pick<
  BoundOptions,
  "eps" | "times" | "importance" | "draw" | "onEvaluation" | "signal"
> {
  readonly cells: Cells;
  /** Standard normal, [B, ...shape], for the reconstruction at eps. */
  readonly endNoise: Float32Array;
}

/** KL(N(alpha x, sigma^2) || prior) at T of one example, in nats. */
function priorDivergence(sde: SDE, data: Float32Array, dims: number, b: number): number {
  const [alpha, sigma] = [sde.meanCoeff(sde.T), sde.std(sde.T)];
  const v = sde.priorStd ** 2;
  let squared = 0;
  for (let i = b * dims; i < (b + 1) * dims; i++) squared += (alpha * data[i]!) ** 2;
  return 0.5 * (squared / v + dims * (sigma ** 2 / v - 1 - Math.log(sigma ** 2 / v)));
}

/** |sigma score + z|^2 of each example. */
function residuals(score: Float32Array, noise: Float32Array, sigmas: Float64Array, dims: number): Float64Array {
  return sigmas.map((sigma, b) => {
    let sum = 0;
    for (let i = b * dims; i < (b + 1) * dims; i++) sum += (sigma * score[i]! + noise[i]!) ** 2;
    return sum;
  });
}

/**
 * Estimates a bound on -log P of discrete data, without bias. It is the sum of the divergence from the prior at T, half
 * the integral of g^2 |score + z / sigma|^2 from eps to T, and the mean of -log P(value | x(eps)) by the softmax over a
 * pixel's values.
 *
 * @param data Middles of the cells, [B, ...shape].
 * @returns Nats, [B].
 * @throws RangeError when shapes do not fit, `times` is below 1, or `importance` is set and the SDE has no importance
 *   weight; the signal's reason on abort.
 * @see Kingma et al. 2021, Variational Diffusion Models, Section 3 and its reconstruction loss
 */
export async function discreteBound(
  score: ScoreFunction,
  sde: SDE,
  data: Float32Array,
  { eps, times, importance, draw, cells, endNoise, onEvaluation, signal }: DiscreteBoundOptions,
): Promise<Float64Array> {
  const { dims, batch } = exampleSize("discreteBound", score.shape, data.length, { endNoise: endNoise.length });
  if (!(times >= 1)) throw new RangeError(`discreteBound: times must be at least 1, got ${times}`);
  if (importance && !sde.importance) {
    throw new RangeError(`discreteBound: the ${sde.name} SDE has no importance weight; use uniform times`);
  }
  const total = importance ? sde.importance!.cumulative(sde.T, eps) : sde.T - eps;
  const weight = (t: number) => total * (importance ? 1 : (sde.diffusion(t) / sde.std(t)) ** 2);
  const nats = Float64Array.from({ length: batch }, (_, b) => priorDivergence(sde, data, dims, b));
  for (let i = 0; i < times; i++) {
    await turn(signal);
    const { t: drawn, noise } = draw(i);
    const t = Float64Array.from(drawn);
    const s = await score.score(perturbExamples(sde, data, noise, t), t);
    const found = residuals(s, noise, t.map((time) => sde.std(time)), dims); // prettier-ignore
    found.forEach((value, b) => (nats[b]! += (0.5 * weight(t[b]!) * value) / times));
    onEvaluation?.(i + 1);
  }
  const step = (sde.meanCoeff(eps) * cellWidth(cells)) / sde.std(eps);
  for (let i = 0; i < data.length; i++) {
    nats[Math.floor(i / dims)]! += reconstructionNats(levelOf(data[i]!, cells), endNoise[i]!, step, cells.levels);
  }
  return nats;
}
