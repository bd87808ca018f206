/** Times drawn to match a network that predicts the velocity. */
import type { ImportanceWeight, SDE } from "./sde.ts";

/**
 * Time sampling with density proportional to alpha^2 / (alpha^2 + sigma^2) times the likelihood's g^2 / sigma^2, which
 * is the rate at which log(SNR) falls.
 *
 * The loss by likelihood weighting is that weight times the squared error of the predicted velocity, so that times of
 * this density leave the squared error alone. They are uniform in log(sigma^2 / (alpha^2 + sigma^2)): for VP, whose
 * alpha^2 + sigma^2 is 1, in log(sigma^2).
 *
 * @see predicting
 */
export function velocityTimes(sde: SDE): ImportanceWeight {
  const logSnr = (t: number) => 2 * Math.log(sde.meanCoeff(t) / sde.std(t));
  /** log(sigma^2 / (alpha^2 + sigma^2)). */
  const share = (t: number) => -Math.log1p(Math.exp(logSnr(t)));
  return {
    cumulative: (t, eps) => share(t) - share(eps),
    inverse(quantile, eps) {
      const wanted = Math.log(Math.expm1(-(share(eps) + quantile)));
      return sde.timeOfLogSnr ? sde.timeOfLogSnr(wanted) : search(logSnr, wanted, eps, sde.T);
    },
  };
}

/** The t in [low, high] at which the falling function `f` has the value `wanted`, by halving. */
function search(f: (t: number) => number, wanted: number, low: number, high: number): number {
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (f(middle) >= wanted) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
