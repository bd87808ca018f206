import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { fillNormal, randomKey } from "../base/random.ts";
import { perturbExamples as diffuse } from "../sde/perturb.ts";
import type { SDE } from "../sde/sde.ts";
import { seedOf } from "./seed-of.ts";

/**
 * Diffuses each example to its time: x(t) = alpha_t x(0) + sigma_t z with z ~ N(0, I).
 *
 * @example
 * ```ts
 * dataBatches.pipe(sampleTime(sde, { eps: 1e-5, density: "likelihood", seed: 1 }), perturb(sde, { seed: 1 }));
 * ```
 * @returns Batches with `noise` (z) and `perturbed` (x(t)), both in the shape of `data`.
 * @see the reference's losses.py get_sde_loss_fn; `SDE.marginal_prob`
 */
export function perturb<C extends string>(
  sde: SDE,
  { seed }: { readonly seed: number },
): OperatorFunction<Batch<C | "data" | "t">, Batch<NoInfer<C> | "data" | "t" | "noise" | "perturbed">> {
  return map((batch) => {
    const { data, shape } = floats(batch, "data");
    const t = floats(batch, "t").data;
    const noise = new Float32Array(data.length);
    fillNormal(randomKey(seedOf(seed, batch.info), "noise", batch.info.step, batch.info.shard), noise);
    const perturbed = diffuse(sde, data, noise, t);
    return withColumns(batch, { noise: { data: noise, shape }, perturbed: { data: perturbed, shape } });
  });
}
