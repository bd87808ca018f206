/** The meaning of a score network's output. */
import type { SDE } from "./sde.ts";

/** Quantity that a network predicts. The reference uses "noise" for VP and subVP, and "score" for VE. */
export type Prediction = "noise" | "velocity" | "score";

export const predictions = ["noise", "velocity", "score"] as const satisfies readonly Prediction[];

type Output = Pick<SDE, "scoreScale" | "inputScale">;

/**
 * The score of an output F: with z the noise of x(t) = alpha x(0) + sigma z,
 *
 * | prediction | F | score |
 * |---|---|---|
 * | noise | z | -F / sigma |
 * | velocity | (alpha z - sigma x(0)) / c, c^2 = alpha^2 + sigma^2 | -alpha / (sigma c) F - x(t) / c^2 |
 * | score | the score | F |
 *
 * c is 1 for VP, where this is the velocity of Salimans and Ho. Elsewhere it keeps F at the scale of the data.
 */
const OUTPUTS: Readonly<Record<Prediction, (sde: SDE) => Output>> = {
  noise: (sde) => ({ scoreScale: (t) => -1 / sde.std(t) }),
  velocity(sde) {
    const squared = (t: number) => sde.meanCoeff(t) ** 2 + sde.std(t) ** 2;
    return {
      scoreScale: (t) => -sde.meanCoeff(t) / (sde.std(t) * Math.sqrt(squared(t))),
      inputScale: (t) => -1 / squared(t),
    };
  },
  score: () => ({ scoreScale: () => 1 }),
};

/**
 * Returns the SDE with the scale factors for this kind of network output; without `prediction`, returns it unchanged.
 * The new SDE has no discrete form, because discrete networks predict the quantity that their SDE sets.
 *
 * @see Salimans and Ho 2022, Appendix D, for the velocity
 */
export function predicting(sde: SDE, prediction: Prediction | undefined): SDE {
  if (prediction === undefined) return sde;
  const { scoreScale, inputScale } = OUTPUTS[prediction](sde);
  return { ...sde, discrete: undefined, scoreScale, inputScale };
}
