import { concatMap, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { odeLikelihood } from "../likelihood/ode-likelihood.ts";
import type { StepControl } from "../solvers/rk45-batch.ts";
import type { TimeVariable } from "../solvers/time-variable.ts";
import { requireSameSde, type ScoreFunction } from "../sde/score-function.ts";
import { fillNormal, fillRademacher, randomKey } from "../base/random.ts";
import type { SDE } from "../sde/sde.ts";
import { requireEps } from "../sde/smallest-time.ts";
import { requireColumns } from "./places.ts";

/** Options of {@link logLikelihood}. */
export interface LogLikelihoodOptions {
  /** Time at which the data enter the ODE, in (0, T). */
  readonly eps: number;
  /** Relative and absolute tolerance of RK45. */
  readonly rtol: number;
  readonly atol: number;
  /** Step sizes: "batch" (default) uses the same for the whole batch, "image" chooses them for each example. */
  readonly stepControl?: StepControl;
  /** Variable of the steps: "t" (default, as in the reference) or "sqrt", which needs fewer steps with VP. */
  readonly timeVariable?: TimeVariable;
  /** Noise for Hutchinson's estimate of the divergence. */
  readonly hutchinson: "rademacher" | "gaussian";
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the log-likelihood of each example by the probability flow ODE.
 *
 * @example
 * ```ts
 * dataBatches.pipe(
 *   logLikelihood(score, sde, { eps: 1e-5, rtol: 1e-5, atol: 1e-5, hutchinson: "rademacher", seed: 1 }),
 *   densityBitsPerDim(),
 * );
 * ```
 * @returns Batches with `logp`, log p(data) in nats, and `evaluations`, the number of network calls that included the
 *   example; both float32 [].
 * @throws RangeError when eps is out of range, or the score belongs to another SDE.
 * @see Song et al. 2021, Section 2.2 and equation (5); the reference's likelihood.py
 */
export function logLikelihood<C extends string>(
  score: ScoreFunction,
  sde: SDE,
  { hutchinson, seed, ...options }: LogLikelihoodOptions,
): OperatorFunction<Batch<C | "data">, Batch<NoInfer<C> | "data" | "logp" | "evaluations">> {
  requireSameSde("logLikelihood", score, sde);
  requireEps("logLikelihood", sde, options.eps);
  const fill = hutchinson === "gaussian" ? fillNormal : fillRademacher;
  return concatMap(async (batch) => {
    requireColumns("logLikelihood", batch, "data");
    const { data } = floats(batch, "data");
    const probe = new Float32Array(data.length);
    fill(randomKey(seed, "probe", batch.info.step, batch.info.shard), probe);
    const { logp, perExample } = await odeLikelihood(score, sde, data, { ...options, probe });
    return withColumns(batch, {
      logp: { data: Float32Array.from(logp), shape: [] },
      evaluations: { data: Float32Array.from(perExample), shape: [] },
    });
  });
}
