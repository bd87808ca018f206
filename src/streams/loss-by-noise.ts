import { defer, identity, tap, type MonoTypeOperatorFunction } from "rxjs";
import type { SDE } from "../sde/sde.ts";
import type { Gradient } from "./gradient.ts";
import { curvesByNoise, type LossByNoiseOptions } from "./curves-by-noise.ts";

/**
 * Reports to `meter` how the loss depends on the noise. At regular steps, it reports the mean in bins of log-SNR =
 * log(alpha^2 / sigma^2), over the steps since the last report.
 *
 * `loss_by_noise/unweighted/<middle of the bin>` is the loss without its weight, the error in the predicted noise.
 * `loss_by_noise/weighted/...` has the weight for uniform times, which is g^2 / sigma^2 for likelihood weighting. Runs
 * that draw their times differently can therefore be compared. Both are also histograms. The stage reads at most 64
 * examples per step. It uses the losses that `scoreMatching` computed, and no tensor.
 *
 * @example
 * ```ts
 * stepGradients.pipe(lossByNoise(sde, { meter, bins: 12, every: 100, weighting: "importance", eps: 1e-5 }));
 * ```
 * @returns The same values.
 * @throws RangeError when `bins` or `every` is not a whole number.
 * @see Kingma et al. 2021, Variational Diffusion Models, Section 5.1: the bound as an integral over log-SNR
 */
export function lossByNoise<K extends "shard" | "step">(
  sde: SDE,
  options: LossByNoiseOptions,
): MonoTypeOperatorFunction<Gradient<K>> {
  const { bins, every, state } = options;
  const { curvesOf, read, report, sumsOf } = curvesByNoise("lossByNoise", sde, options);
  if (bins === 0) return identity;
  return (source) =>
    defer(() => {
      const behind = state?.noise.at(state.step);
      // The interrupted run may have ended before it wrote them.
      if (behind && behind.step % every === 0) report(curvesOf(behind), behind.step);
      let own = curvesOf();
      return source.pipe(
        tap(({ batch }) => {
          const { step } = batch.info;
          const curves = state ? curvesOf(step % every === 0 ? undefined : state.noise.at(step)) : own;
          read(curves, batch);
          state?.noise.add({ step: step + 1, ...sumsOf(curves) });
          if ((step + 1) % every !== 0) return;
          report(curves, step + 1);
          own = curvesOf();
        }),
      );
    });
}
