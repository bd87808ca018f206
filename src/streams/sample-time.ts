import { map, type OperatorFunction } from "rxjs";
import { withColumns, type Batch } from "../data/batch.ts";
import { fillUniform, randomKey } from "../base/random.ts";
import { drawTime, type TimeDensity } from "../sde/draw-time.ts";
import type { SDE } from "../sde/sde.ts";
import { requireEps } from "../sde/smallest-time.ts";
import { refuseColumn, type Unless } from "./places.ts";
import { seedOf } from "./seed-of.ts";

const ONCE = "sampleTime stands once";

/** Options of {@link sampleTime}. */
export interface SampleTimeOptions {
  /** Smallest diffusion time, the paper's epsilon, in (0, T). */
  readonly eps: number;
  /** Density of the times; it must match the weighting of the loss, see {@link Weighting}. */
  readonly density: TimeDensity;
  /**
   * Spread the times of a step evenly: u_i = (u_0 + i / n) mod 1 over its n images, in all shards. Each time still has
   * the same density, but the loss of the step varies less. Default: independent times.
   */
  readonly stratified?: boolean;
  readonly seed: number;
}

/**
 * Draws a diffusion time for every example.
 *
 * With likelihood weighting, the loss at time t has the factor g^2 / sigma^2, which grows like 1/t near 0 and makes the
 * loss noisy. If t is drawn with that density, only the constant Z remains of this factor.
 *
 * @example
 * ```ts
 * dataBatches.pipe(sampleTime(sde, { eps: 1e-5, density: "likelihood", seed: 1 }));
 * ```
 * @returns Batches with one more column, `t`: float32 [], eps <= t <= T.
 * @throws RangeError when eps is out of range, or the SDE has no importance weight; as a notification when the batch
 *   already has times.
 * @see Song et al. 2021, Section 5.1; the reference's sample_importance_weighted_time_for_likelihood
 */
export function sampleTime<C extends string>(
  sde: SDE,
  { eps, density, stratified = false, seed }: SampleTimeOptions,
): OperatorFunction<Batch<C>, Unless<C, "t", typeof ONCE, Batch<NoInfer<C> | "t">>> {
  requireEps("sampleTime", sde, eps);
  const time = drawTime("sampleTime", sde, { eps, density });
  const clamp = (t: number) => Math.min(Math.max(t, eps), sde.T);
  const uniforms = stratified ? spread : independent;
  const stage = map((batch: Batch<C>) => {
    refuseColumn("sampleTime", batch, "t", ONCE);
    const t = Float32Array.from(uniforms(batch, seedOf(seed, batch.info)), (u) => clamp(time(u)));
    return withColumns(batch, { t: { data: t, shape: [] } });
  });
  return stage as OperatorFunction<Batch<C>, never>;
}

type Place = Pick<Batch, "size" | "info">;

function independent({ size, info: { step, shard } }: Place, seed: number): Float32Array {
  const u = new Float32Array(size);
  fillUniform(randomKey(seed, "time", step, shard), u);
  return u;
}

/** Spreads the times of all shards of a step, from one random number for that step. */
function spread({ size, info: { step, shard, shards } }: Place, seed: number): Float64Array {
  const first = new Float64Array(1);
  fillUniform(randomKey(seed, "stratified time", step), first);
  const place = (i: number) => first[0]! + (shard * size + i) / (shards * size);
  return Float64Array.from({ length: size }, (_, i) => place(i) % 1);
}
