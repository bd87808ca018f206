/** The schedule that VP and subVP share: the rate beta(t), which grows linearly, and its integral B(t). */
import type { ImportanceWeight } from "./sde.ts";

export interface LinearBetaOptions {
  /** beta(0). */
  readonly betaMin: number;
  /** beta(1). */
  readonly betaMax: number;
  /** Number of discretization steps of the samplers. */
  readonly N: number;
  /**
   * Computes as the released code does: first order in t where |B/2| <= 1e-3 (up to 5e-4 off), and time sampling by
   * bisection. The default is exact.
   */
  readonly reference?: boolean;
}

/** beta(t) = betaMin + t (betaMax - betaMin). */
export const betaAt = ({ betaMin, betaMax }: LinearBetaOptions, t: number) => betaMin + t * (betaMax - betaMin);

/** B(t), the integral of beta over [0, t]. */
export const betaIntegral = ({ betaMin, betaMax }: LinearBetaOptions, t: number) =>
  t * (betaMin + 0.5 * t * (betaMax - betaMin));

/** The t whose B(t) is `integral`; written without cancellation, and for betaMin = betaMax too. */
export const timeOfIntegral = ({ betaMin, betaMax }: LinearBetaOptions, integral: number) =>
  (2 * integral) / (betaMin + Math.sqrt(betaMin ** 2 + 2 * (betaMax - betaMin) * integral));

/** The reference's `high_precision`: first order for small exponents. */
const SERIES = 1e-3;

/** alpha_t = exp(-B/2). */
export function meanCoefficient(integral: number, reference = false): number {
  return reference && integral / 2 <= SERIES ? 1 - integral / 2 : Math.exp(-integral / 2);
}

/** 1 - exp(-k B), where the reference decides by the exponent `decider`. */
export function oneMinusExp(exponent: number, reference = false, decider = exponent): number {
  return reference && decider <= SERIES ? exponent : -Math.expm1(-exponent);
}

/**
 * Importance weight whose antiderivative is `lambda` of B(t), with the inverse of `lambda` in closed form.
 *
 * @see Song et al. 2021, Section 5.1; the reference bisects instead
 */
export function importanceOf(
  options: LinearBetaOptions,
  lambda: (integral: number) => number,
  integralOf: (lambda: number) => number,
): ImportanceWeight {
  const at = (t: number) => lambda(betaIntegral(options, t));
  const cumulative = (t: number, eps: number) => at(t) - at(eps);
  const inverse = (quantile: number, eps: number) => timeOfIntegral(options, integralOf(at(eps) + quantile));
  return { cumulative, inverse: options.reference ? bisection(cumulative) : inverse };
}

/** @see the reference's sample_importance_weighted_time_for_likelihood: 100 halvings of [eps, 1] */
function bisection(cumulative: ImportanceWeight["cumulative"]): ImportanceWeight["inverse"] {
  return (quantile, eps) => {
    let [low, high] = [eps, 1];
    for (let i = 0; i < 100; i++) {
      const middle = (low + high) / 2;
      if (cumulative(middle, eps) <= quantile) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
}
