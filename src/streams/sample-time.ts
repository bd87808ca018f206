import { map, type OperatorFunction } from "rxjs";
import { withColumns, type Batch } from "../data/batch.ts";
import { fillUniform, randomKey } from "../base/random.ts";
import { drawTime } from "../sde/draw-time.ts";
import type { SDE } from "../sde/sde.ts";

export interface SampleTimeOptions {
  /** Smallest diffusion time, the paper's epsilon, in (0, T). */
  readonly eps: number;
  /** Draw from p(t) proportional to g(t)^2 / sigma(t)^2 (Section 5.1) rather than from U[eps, T]. */
  readonly importance: boolean;
  readonly seed: number;
}

/**
 * Draws a diffusion time for every example.
 *
 * Under likelihood weighting the loss at time t carries the factor g^2 / sigma^2, which grows like 1/t near 0 and makes
 * it noisy. Drawing t with that density takes the factor into the sampling: what is left is the constant Z.
 *
 * @returns Batches with one more column, `t`: float32 [], eps <= t <= T.
 * @throws RangeError when eps is out of range, or the SDE has no importance weight.
 * @see Song et al. 2021, Section 5.1; the reference's sample_importance_weighted_time_for_likelihood
 */
export function sampleTime<C extends string>(
  sde: SDE,
  { eps, importance, seed }: SampleTimeOptions,
): OperatorFunction<Batch<C>, Batch<NoInfer<C> | "t">> {
  if (!(eps > 0 && eps < sde.T)) throw new RangeError(`sampleTime: eps must lie in (0, ${sde.T}), got ${eps}`);
  const time = drawTime("sampleTime", sde, { eps, importance });
  const clamp = (t: number) => Math.min(Math.max(t, eps), sde.T);
  return map((batch) => {
    const t = new Float32Array(batch.size);
    fillUniform(randomKey(seed, "time", batch.info.step, batch.info.shard), t);
    return withColumns(batch, { t: { data: t.map((u) => clamp(time(u))), shape: [] } });
  });
}
