import { concatMap, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import type { Cells } from "../likelihood/cells.ts";
import { discreteBound } from "../likelihood/discrete-bound.ts";
import { variationalBound, type BoundDraw } from "../likelihood/bound.ts";
import { requireSameSde, type ScoreFunction } from "../sde/score-function.ts";
import { requireCount } from "../base/counts.ts";
import { fillNormal, fillRademacher, fillUniform, randomKey } from "../base/random.ts";
import { drawTime } from "../sde/draw-time.ts";
import type { SDE } from "../sde/sde.ts";
import { requireEps } from "../sde/smallest-time.ts";
import { requireColumns } from "./places.ts";

/** Options of {@link likelihoodBound}. */
export interface LikelihoodBoundOptions {
  /** Smallest time of the integral, in (0, T). */
  readonly eps: number;
  /** Number of times per example. The distribution is cut into as many equal parts, and each part gets one time. */
  readonly times: number;
  /** Draw times in proportion to g^2 / sigma^2; default: true if the SDE supports it. */
  readonly importance?: boolean;
  /** Denoising score matching, the default, or sliced score matching, which needs a gradient at each time. */
  readonly form?: "dsm" | "ssm";
  /** Add the correction for starting at eps instead of 0. */
  readonly offset: boolean;
  /**
   * Set if the data are middles of these cells. The bound is then on discrete data, and ignores `form` and `offset`.
   */
  readonly cells?: Cells | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the variational bound on each example's log-likelihood.
 *
 * @example
 * ```ts
 * dataBatches.pipe(likelihoodBound(score, sde, { eps: 1e-5, times: 1000, offset: true, seed: 1 }));
 * ```
 * @returns Batches with `logp`, a lower bound on log p(data) in nats, float32 [].
 * @throws RangeError when eps is out of range, `times` is not a positive integer, the score belongs to another SDE, or
 *   `importance` is set and the SDE has no importance weight.
 * @see Song et al. 2021, Theorem 3; the reference's bound_likelihood.py
 */
export function likelihoodBound<C extends string>(
  score: ScoreFunction,
  sde: SDE,
  options: LikelihoodBoundOptions,
): OperatorFunction<Batch<C | "data">, Batch<NoInfer<C> | "data" | "logp">> {
  const { eps, times, importance = sde.importance !== undefined, form: wanted = "dsm", offset, cells } = options;
  const { seed, signal } = options;
  const form = cells ? "dsm" : wanted;
  requireSameSde("likelihoodBound", score, sde);
  requireEps("likelihoodBound", sde, eps);
  requireCount("likelihoodBound", "times", times);
  const time = drawTime("likelihoodBound", sde, { eps, density: importance ? "likelihood" : "uniform" });

  return concatMap(async (batch) => {
    requireColumns("likelihoodBound", batch, "data");
    const { data } = floats(batch, "data");
    const { step, shard } = batch.info;
    const normal = (...path: (string | number)[]) => {
      const noise = new Float32Array(data.length);
      fillNormal(randomKey(seed, ...path), noise);
      return noise;
    };
    const draw = (i: number): BoundDraw => {
      const u = new Float64Array(batch.size);
      fillUniform(randomKey(seed, "bound time", step, shard, i), u);
      const drawn = { t: u.map((u) => time((i + u) / times)), noise: normal("bound noise", step, shard, i) };
      if (form === "dsm") return drawn;
      const probe = new Float32Array(data.length);
      fillRademacher(randomKey(seed, "bound probe", step, shard, i), probe);
      return { ...drawn, probe };
    };
    const offsetNoise = offset ? normal("bound offset", step, shard) : undefined;
    const terms = { eps, times, importance, draw, signal };
    const nats = cells
      ? await discreteBound(score, sde, data, { ...terms, cells, endNoise: normal("bound offset", step, shard) })
      : await variationalBound(score, sde, data, { ...terms, form, offsetNoise });
    return withColumns(batch, { logp: { data: Float32Array.from(nats, (value) => -value), shape: [] } });
  });
}
