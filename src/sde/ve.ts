/** The variance exploding SDE. */
import { smldStep } from "./smld-step.ts";
import type { SDE } from "./sde.ts";

/** Noise levels and number of discrete steps of {@link veSDE}. */
export interface VeOptions {
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** Number of discretization steps of the samplers. */
  readonly N: number;
}

/**
 * dx = sigma(t) sqrt(2 log(sigmaMax / sigmaMin)) dw with sigma(t) = sigmaMin (sigmaMax / sigmaMin)^t.
 *
 * By convention, the kernel's standard deviation is sigma(t), so data at t = 0 already have noise of sigmaMin. g^2 /
 * sigma^2 does not depend on t, so the SDE has no importance weight.
 *
 * @see the reference's VESDE
 */
export function veSDE({ sigmaMin, sigmaMax, N }: VeOptions): SDE {
  const logRatio = Math.log(sigmaMax / sigmaMin);
  const std = (t: number) => sigmaMin * Math.exp(t * logRatio);
  /** Deviation of the ladder's level i. */
  const level = (i: number) => std(N > 1 ? i / (N - 1) : 0);
  // The index is computed in float32 as in the reference.
  const indexOf = (t: number) => Math.trunc(Math.fround(Math.fround(t) * (N - 1)));
  return {
    name: "ve",
    T: 1,
    N,
    driftCoeff: () => 0,
    diffusion: (t) => std(t) * Math.sqrt(2 * logRatio),
    meanCoeff: () => 1,
    std,
    priorStd: sigmaMax,
    // SMLD's ladder of N levels, with a first step from 0.
    discretize(t) {
      const index = indexOf(t);
      const below = index === 0 ? 0 : level(index - 1);
      return { f: 0, G: Math.sqrt(level(index) ** 2 - below ** 2) };
    },
    timeOfLogSnr: (logSnr) => (-logSnr / 2 - Math.log(sigmaMin)) / logRatio,
    timeCondition: std,
    scoreScale: () => 1,
    condition: "sigma",
    ancestral(t) {
      const index = indexOf(t);
      return smldStep(level(index), index > 0 ? level(index - 1) : 0);
    },
    // The step counted from the largest noise.
    discrete: { timeCondition: (t) => Math.round((1 - t) * (N - 1)), condition: "time" },
  };
}
