import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { fillNormal, randomKey } from "../base/random.ts";
import { perturbExamples as diffuse } from "../sde/perturb.ts";
import type { SDE } from "../sde/sde.ts";
import { refuseColumn, requireColumns, type Unless } from "./places.ts";
import { seedOf } from "./seed-of.ts";

const ONCE = "perturb stands once";

/**
 * Diffuses each example to its time: x(t) = alpha_t x(0) + sigma_t z with z ~ N(0, I).
 *
 * @example
 * ```ts
 * dataBatches.pipe(sampleTime(sde, { eps: 1e-5, density: "likelihood", seed: 1 }), perturb(sde, { seed: 1 }));
 * ```
 * @returns Batches with `noise` (z) and `perturbed` (x(t)), both in the shape of `data`.
 * @throws RangeError as a notification, when `data` or `t` is missing, or the batch is already perturbed.
 * @see the reference's losses.py get_sde_loss_fn; `SDE.marginal_prob`
 */
export function perturb<C extends string>(
  sde: SDE,
  { seed }: { readonly seed: number },
): OperatorFunction<
  Batch<C | "data" | "t">,
  Unless<C, "perturbed", typeof ONCE, Batch<NoInfer<C> | "data" | "t" | "noise" | "perturbed">>
> {
  const stage = map((batch: Batch<C | "data" | "t">) => {
    requireColumns("perturb", batch, "data", "t");
    refuseColumn("perturb", batch, "perturbed", ONCE);
    const { data, shape } = floats(batch, "data");
    const t = floats(batch, "t").data;
    const noise = new Float32Array(data.length);
    fillNormal(randomKey(seedOf(seed, batch.info), "noise", batch.info.step, batch.info.shard), noise);
    const perturbed = diffuse(sde, data, noise, t);
    return withColumns(batch, { noise: { data: noise, shape }, perturbed: { data: perturbed, shape } });
  });
  return stage as OperatorFunction<Batch<C | "data" | "t">, never>;
}
