/** The correctors of predictor-corrector sampling: steps of Langevin dynamics that stay at the time t. */
import type { SDE } from "../sde/sde.ts";

/** The quantities from which the step size of one Langevin step is computed. */
export interface CorrectorStep {
  readonly sde: SDE;
  readonly t: number;
  /** Signal-to-noise ratio r that the step aims at. */
  readonly snr: number;
  /** Examples in the batch. */
  readonly batch: number;
  /** score(x, t), [B, ...shape]. */
  readonly score: ArrayLike<number>;
  /** Standard normal, [B, ...shape]. */
  readonly noise: ArrayLike<number>;
}

/** The step size eps of x -> x + eps score + sqrt(2 eps) z. */
export type Corrector = (step: CorrectorStep) => number;

/** Names of the reference's configurations. */
export type CorrectorName = "langevin" | "ald" | "none";

/** The mean over the batch of the examples' Euclidean norms. */
function meanNorm(values: ArrayLike<number>, batch: number): number {
  const dims = values.length / batch;
  let total = 0;
  for (let b = 0; b < batch; b++) {
    let sum = 0;
    for (let i = b * dims; i < (b + 1) * dims; i++) sum += values[i]! ** 2;
    total += Math.sqrt(sum);
  }
  return total / batch;
}

/**
 * alpha_i, the square of what one forward step multiplies the mean by: 1 - beta_i for VP, 1 for VE.
 *
 * The reference reads it from a table that its subVP lacks, so that both correctors fail there; this form gives every
 * SDE its own.
 */
const alpha = (sde: SDE, t: number): number => (1 + sde.discretize(t).f) ** 2;

/**
 * Step size 2 alpha (r |z| / |score|)^2, with the norms averaged over the batch: a sample depends on the others of its
 * batch.
 *
 * @see Score-Based Generative Modeling through SDEs, Algorithms 4 and 5; the reference's LangevinCorrector
 */
const langevin: Corrector = ({ sde, t, snr, batch, score, noise }) =>
  2 * alpha(sde, t) * ((snr * meanNorm(noise, batch)) / meanNorm(score, batch)) ** 2;

/** Step size 2 alpha (r sigma_t)^2. @see the reference's AnnealedLangevinDynamics */
const annealedLangevin: Corrector = ({ sde, t, snr }) => 2 * alpha(sde, t) * (snr * sde.std(t)) ** 2;

/** Finds a corrector by its name; undefined leaves the correction out. */
export const CORRECTORS: Readonly<Record<CorrectorName, Corrector | undefined>> = {
  langevin,
  ald: annealedLangevin,
  none: undefined,
};
