/** The numbers of the variational dequantization loss that depend on times only, in float64 on the host. */
import type { SDE } from "../../sde/sde.ts";

export interface DequantizationTermOptions {
  /** Smallest diffusion time, in units of T. */
  readonly eps: number;
  /** Draws the times with density proportional to g^2 / sigma^2; otherwise uniformly from [eps, T]. */
  readonly importance: boolean;
  /** Adds the difference between the bound at time 0 and the bound at time eps. */
  readonly offset: boolean;
  /**
   * Computes as the reference does: the divergence of the drift at one time `tDrift` for each example and without the
   * factor T - eps, which uniform times lack too. Otherwise the integral of the divergence is exact.
   */
  readonly reference: boolean;
}

/** Times of a batch, [B]. */
export interface DequantizationTimes {
  readonly t: ArrayLike<number>;
  /** Times for the divergence of the drift, uniform in [eps, T]; needed with `reference`. */
  readonly tDrift?: ArrayLike<number> | undefined;
}

/** Numbers of each example, all [B]. */
export interface DequantizationTerms {
  /** The network's input for t. */
  readonly timeCondition: Float32Array;
  /** alpha_t and sigma_t. */
  readonly meanCoeff: Float32Array;
  readonly std: Float32Array;
  /** sigma_t times the score is this times the network's output. */
  readonly outputScale: Float32Array;
  /** Factor of x(t) in sigma_t times the score; absent where the SDE has no `inputScale`. */
  readonly inputScale?: Float32Array;
  /** Factor on |sigma_t score + z|^2 - |z|^2. */
  readonly weight: Float32Array;
  /** Minus the integral of the divergence of the drift, in nats. */
  readonly drift: Float32Array;
}

/** @throws RangeError when `importance` is asked of an SDE that has none, or `reference` lacks `tDrift`. */
export function dequantizationTerms(
  sde: SDE,
  { eps, importance, reference }: DequantizationTermOptions,
  { t, tDrift }: DequantizationTimes,
  dims: number,
): DequantizationTerms {
  if (importance && !sde.importance) {
    throw new RangeError(`dequantizationTerms: the ${sde.name} SDE has no importance weighting`);
  }
  if (reference && !tDrift) throw new RangeError("dequantizationTerms: the reference's form needs times tDrift");
  const { inputScale } = sde;
  const each = (values: ArrayLike<number>, f: (t: number) => number) => Float32Array.from(values, f);
  const total = importance ? sde.importance!.cumulative(sde.T, eps) : 0;
  const span = reference ? 1 : sde.T - eps;
  const exactDrift = dims * Math.log(sde.meanCoeff(eps) / sde.meanCoeff(sde.T));
  return {
    timeCondition: each(t, (t) => sde.timeCondition(t)),
    meanCoeff: each(t, (t) => sde.meanCoeff(t)),
    std: each(t, (t) => sde.std(t)),
    outputScale: each(t, (t) => sde.std(t) * sde.scoreScale(t)),
    ...(inputScale && { inputScale: each(t, (t) => sde.std(t) * inputScale.call(sde, t)) }),
    weight: each(t, (t) => (importance ? total : span * (sde.diffusion(t) / sde.std(t)) ** 2)),
    drift: reference ? each(tDrift!, (t) => -dims * sde.driftCoeff(t)) : each(t, () => exactDrift),
  };
}
