import { concatMap, type Observable, type OperatorFunction } from "rxjs";
import { createBatch, floats, withColumns, type Batch } from "../data/batch.ts";
import { odeSample } from "../sampling/ode-sampler.ts";
import type { StepControl } from "../solvers/rk45-batch.ts";
import type { TimeVariable } from "../solvers/time-variable.ts";
import { requireSameSde, type ScoreFunction } from "../sde/score-function.ts";
import { requireCount } from "../base/counts.ts";
import { fillNormal, randomKey } from "../base/random.ts";
import type { SDE } from "../sde/sde.ts";
import { requireEps } from "../sde/smallest-time.ts";
import type { Credit } from "./credit.ts";
import { pull } from "./pull.ts";
import { requireColumns } from "./places.ts";

/** Options of {@link priorBatches}. */
export interface PriorBatchesOptions {
  /** Total number of examples. */
  readonly total: number;
  readonly batchSize: number;
  /** Index of the first batch; interrupted sampling continues here. */
  readonly from?: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

/**
 * Draws from the prior p_T = N(0, priorStd^2 I).
 *
 * @example
 * ```ts
 * priorBatches(sde, [32, 32, 3], { total: 64, batchSize: 16, seed: 1 });
 * ```
 * @returns Batches with `latent`, float32 [...shape]; the last one may be smaller.
 * @throws RangeError when `batchSize` is not a positive integer, or `total` is not a whole number.
 */
export function priorBatches(
  sde: SDE,
  shape: readonly number[],
  { total, batchSize, from = 0, seed, signal, credit }: PriorBatchesOptions,
): Observable<Batch<"latent">> {
  requireCount("priorBatches", "batchSize", batchSize);
  requireCount("priorBatches", "total", total, 0);
  const dims = shape.reduce((a, b) => a * b, 1);
  return pull(function* () {
    for (let step = from; step * batchSize < total && !signal?.aborted; step++) {
      const first = step * batchSize;
      const data = new Float32Array(Math.min(batchSize, total - first) * dims);
      fillNormal(randomKey(seed, "prior", step), data);
      for (let i = 0; i < data.length; i++) data[i]! *= sde.priorStd;
      yield createBatch({ latent: { data, shape } }, { step, shard: 0, shards: 1, firstSample: first });
    }
  }, credit);
}

/** Options of {@link sample}. */
export interface SampleOptions {
  /** Time at which sampling ends, in (0, T). */
  readonly eps: number;
  /** Relative and absolute tolerance of RK45. */
  readonly rtol: number;
  readonly atol: number;
  /** Step sizes: "batch" (default) uses the same for the whole batch, "image" chooses them for each example. */
  readonly stepControl?: StepControl;
  /** Variable of the steps: "t" (default, as in the reference) or "sqrt", which needs fewer steps with VP. */
  readonly timeVariable?: TimeVariable;
  /** End with one denoising step. */
  readonly denoise: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Turns draws from the prior into samples by the probability flow ODE.
 *
 * @example
 * ```ts
 * latentBatches.pipe(
 *   sample(score, sde, { eps: 1e-3, rtol: 1e-5, atol: 1e-5, denoise: true }),
 *   quantize({ centered: true }),
 * );
 * ```
 * @returns Batches with `data` in the range of the training data, not clipped, in the shape of `latent`.
 * @throws RangeError when eps is out of range, or the score belongs to another SDE.
 * @see Song et al. 2021, equation (4); the reference's sampling.py get_ode_sampler
 */
export function sample<C extends string>(
  score: ScoreFunction,
  sde: SDE,
  options: SampleOptions,
): OperatorFunction<Batch<C | "latent">, Batch<NoInfer<C> | "latent" | "data">> {
  requireSameSde("sample", score, sde);
  requireEps("sample", sde, options.eps);
  return concatMap(async (batch) => {
    requireColumns("sample", batch, "latent");
    const { data, shape } = floats(batch, "latent");
    const { samples } = await odeSample(score, sde, data, options);
    return withColumns(batch, { data: { data: samples, shape } });
  });
}
