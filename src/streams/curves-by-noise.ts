/** Sums, keeps and reports losses of examples by their noise, for `lossByNoise` and `noiseOfRounds`. */
import { floats, type Batch } from "../data/batch.ts";
import type { Meter, StepReading } from "../metrics/meter.ts";
import { NoiseCurve } from "../metrics/noise-curve.ts";
import type { SDE } from "../sde/sde.ts";
import type { TrainState } from "../training/train-state.ts";
import type { NoiseWindow } from "../training/noise-window.ts";
import { lossWeight, type Weighting } from "./score-matching.ts";

/** Options of `lossByNoise`. */
export interface LossByNoiseOptions {
  readonly meter: Meter;
  /** Bins of log-SNR; 0: report nothing. */
  readonly bins: number;
  /** Steps between two curves. */
  readonly every: number;
  /** Weighting of `scoreMatching`. */
  readonly weighting: Weighting;
  /** Smallest time that was drawn. */
  readonly eps: number;
  /**
   * Keeps the sums, so a resumed run reports the same means as an uninterrupted one. If absent, the sums start again at
   * zero.
   */
  readonly state?: Pick<TrainState, "step" | "noise"> | undefined;
}

/** Examples read per step, spread evenly over it. A curve needs no more, and a large batch then costs no more. */
const EXAMPLES = 64;

/** Parts of the metrics' names: the loss without its weight, and with the weight for uniform times. */
const KINDS = ["unweighted", "weighted"] as const;

/** The two curves of {@link KINDS}. */
export type CurvesByNoise = readonly [plain: NoiseCurve, weighted: NoiseCurve];

/** @throws RangeError when `bins` or `every` is not a whole number. */
export function curvesByNoise(
  operator: string,
  sde: SDE,
  { meter, bins, every, weighting, eps, state }: LossByNoiseOptions,
) {
  if (!Number.isInteger(bins) || bins < 0)
    throw new RangeError(`${operator}: bins must be a whole number, got ${bins}`);
  if (!Number.isInteger(every) || every < 1) {
    throw new RangeError(`${operator}: every must be a positive integer, got ${every}`);
  }
  const logSnr = (t: number) => 2 * Math.log(sde.meanCoeff(t) / sde.std(t));
  const uniform: Weighting = weighting === "original" ? "original" : "likelihood";
  const [drawn, factor] = [lossWeight(weighting), lossWeight(uniform)];
  const range = [logSnr(sde.T), logSnr(eps)] as const;
  const tell = (reading: StepReading) => (state ? meter.tellStep(reading) : meter.tell(reading.name, reading.value, reading.unit)); // prettier-ignore
  return {
    /** Returns curves that continue from stored sums, if these have the same bins. */
    curvesOf(window?: NoiseWindow): CurvesByNoise {
      const fits = window?.curves.length === KINDS.length && window.curves.every(({ sums }) => sums.length === bins) && String(window.range) === String(range); // prettier-ignore
      const curve = (i: number) => new NoiseCurve(bins, range, fits ? window.curves[i] : undefined);
      return [curve(0), curve(1)];
    },
    sumsOf: (curves: CurvesByNoise): Pick<NoiseWindow, "range" | "curves"> => ({
      range,
      curves: curves.map((curve) => curve.sums()),
    }),
    /** Adds the losses of a batch. */
    read([plain, weighted]: CurvesByNoise, batch: Batch<"t" | "loss">): void {
      const [times, losses] = [floats(batch, "t").data, floats(batch, "loss").data];
      const stride = Math.ceil(times.length / EXAMPLES);
      for (let i = 0; i < times.length; i += stride) {
        const t = times[i]!;
        const [at, loss] = [logSnr(t), losses[i]! / drawn(sde, t)];
        plain.add(at, loss);
        weighted.add(at, loss * factor(sde, t));
      }
    },
    report: (curves: CurvesByNoise, step: number) =>
      curves.forEach((curve, i) => {
        const [name, points] = [`loss_by_noise/${KINDS[i]}`, curve.points()];
        // A loss that is not finite is left to adam, which fails, so the step ends the run or is repeated.
        if (!points.every(({ mean }) => Number.isFinite(mean))) return;
        for (const { logSnr, mean } of points)
          tell({ name: `${name}/${logSnr.toFixed(2)}`, step, value: mean, unit: "1" });
        meter.tellHistogram(name, step, curve.histogram());
      }),
  };
}
