import { defer, identity, tap, type MonoTypeOperatorFunction } from "rxjs";
import { floats } from "../data/batch.ts";
import type { Meter, StepReading } from "../metrics/meter.ts";
import { NoiseCurve } from "../metrics/noise-curve.ts";
import type { SDE } from "../sde/sde.ts";
import type { NoiseWindow } from "../training/noise-window.ts";
import type { TrainState } from "../training/train-state.ts";
import type { Gradient } from "./gradient.ts";
import { lossWeight, type Weighting } from "./score-matching.ts";

/** Options of {@link lossByNoise}. */
export interface LossByNoiseOptions {
  readonly meter: Meter;
  /** Bins of log-SNR; 0: tell nothing. */
  readonly bins: number;
  /** Steps between curves. */
  readonly every: number;
  /** That of `scoreMatching`. */
  readonly weighting: Weighting;
  /** Smallest time that was drawn. */
  readonly eps: number;
  /** Keeps the sums, so that a run which goes on gives the means of one that was never interrupted; absent: they begin anew. */
  readonly state?: Pick<TrainState, "step" | "noise"> | undefined;
}

/** Examples of a step that are read, spread evenly over it: a curve needs no more, and a large batch costs no more. */
const EXAMPLES = 64;

/** Parts of the metrics' names: the loss without its weight, and with the weight that it has for uniform times. */
const KINDS = ["unweighted", "weighted"] as const;

/**
 * Reports to `meter` at which noise the loss arises: its mean in bins of log-SNR = log(alpha^2 / sigma^2), every so many
 * steps over the steps since the last time.
 *
 * `loss_by_noise/unweighted/<middle of the bin>` is the loss without its weight, the error in the predicted noise.
 * `loss_by_noise/weighted/...` has the weight of uniform times, g^2 / sigma^2 where the weighting is for the likelihood,
 * so that runs whose times are drawn otherwise compare. Both are histograms too. Of a step 64 examples are read at most. It reads what `scoreMatching` has
 * computed, and no tensor.
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
  { meter, bins, every, weighting, eps, state }: LossByNoiseOptions,
): MonoTypeOperatorFunction<Gradient<K>> {
  if (!Number.isInteger(bins) || bins < 0)
    throw new RangeError(`lossByNoise: bins must be a whole number, got ${bins}`);
  if (!Number.isInteger(every) || every < 1) {
    throw new RangeError(`lossByNoise: every must be a positive integer, got ${every}`);
  }
  if (bins === 0) return identity;
  const logSnr = (t: number) => 2 * Math.log(sde.meanCoeff(t) / sde.std(t));
  const uniform: Weighting = weighting === "original" ? "original" : "likelihood";
  const drawn = lossWeight(weighting);
  const factor = lossWeight(uniform);
  const range = [logSnr(sde.T), logSnr(eps)] as const;
  const tell = (reading: StepReading) => (state ? meter.tellStep(reading) : meter.tell(reading.name, reading.value, reading.unit)); // prettier-ignore
  const curvesOf = (window?: NoiseWindow) => {
    const fits = window?.curves.length === KINDS.length && window.curves.every(({ sums }) => sums.length === bins) && String(window.range) === String(range); // prettier-ignore
    return KINDS.map((_, i) => new NoiseCurve(bins, range, fits ? window.curves[i] : undefined));
  };
  const report = (curves: readonly NoiseCurve[], step: number) =>
    curves.forEach((curve, i) => {
      const [name, points] = [`loss_by_noise/${KINDS[i]}`, curve.points()];
      // A loss that is not finite is left to adam: the step is not taken, or taken again.
      if (!points.every(({ mean }) => Number.isFinite(mean))) return;
      for (const { logSnr, mean } of points)
        tell({ name: `${name}/${logSnr.toFixed(2)}`, step, value: mean, unit: "1" });
      meter.tellHistogram(name, step, curve.histogram());
    });
  return (source) =>
    defer(() => {
      const behind = state?.noise.at(state.step);
      // The run may have ended before it wrote them.
      if (behind && behind.step % every === 0) report(curvesOf(behind), behind.step);
      let own = curvesOf();
      return source.pipe(
        tap(({ batch }) => {
          const { step } = batch.info;
          // Replicas take the same steps one after another, and have no state that keeps the sums.
          const curves = state ? curvesOf(step % every === 0 ? undefined : state.noise.at(step)) : own;
          const [plain, weighted] = curves as [NoiseCurve, NoiseCurve];
          const [times, losses] = [floats(batch, "t").data, floats(batch, "loss").data];
          const stride = Math.ceil(times.length / EXAMPLES);
          for (let i = 0; i < times.length; i += stride) {
            const t = times[i]!;
            const [at, loss] = [logSnr(t), losses[i]! / drawn(sde, t)];
            plain.add(at, loss);
            weighted.add(at, loss * factor(sde, t));
          }
          state?.noise.add({ step: step + 1, range, curves: curves.map((curve) => curve.sums()) });
          if ((step + 1) % every !== 0) return;
          report(curves, step + 1);
          own = curvesOf();
        }),
      );
    });
}
