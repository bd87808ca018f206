/** The predictors of predictor-corrector sampling: one step of the reverse-time SDE from t to the next smaller time. */
import { UsageError } from "../base/errors.ts";
import type { SDE } from "../sde/sde.ts";
import { reverseDrift, reverseStep } from "../sde/reverse.ts";

/** A move x -> `x` x + `score` score(x, t) + `noise` z with z ~ N(0, I); without the last term it is the move's mean. */
export interface Move {
  readonly x: number;
  readonly score: number;
  readonly noise: number;
}

export interface PredictorOptions {
  /** The probability flow ODE instead of the reverse-time SDE. */
  readonly flow: boolean;
}

/** @param next The following time of the sampler, 0 after the last one. */
export type Predictor = (sde: SDE, t: number, next: number, options: PredictorOptions) => Move;

/** Names of the reference's configurations. */
export type PredictorName = "euler_maruyama" | "reverse_diffusion" | "ancestral_sampling" | "none";

/** A step of length T/N of the reverse-time SDE. @see Song et al. 2021, equation (3) */
const eulerMaruyama: Predictor = (sde, t, _, options) => {
  const dt = sde.T / sde.N;
  const drift = reverseDrift(sde, t, options);
  return { x: 1 - drift.x * dt, score: -drift.score * dt, noise: drift.noise * Math.sqrt(dt) };
};

/** The forward SDE's own discretization, reversed. @see Score-Based Generative Modeling through SDEs, equation (46) */
const reverseDiffusion: Predictor = (sde, t, _, options) => {
  const step = reverseStep(sde, t, options);
  return { x: 1 - step.x, score: -step.score, noise: step.noise };
};

/** Levels of the noise now and after the step. */
function levels(sde: SDE, t: number, next: number): readonly [number, number] {
  // The linear form's network knows the noise of the times, not that of the reference's ladder, which it has no part in.
  if (sde.name === "linearve") return [sde.std(t), next > 0 ? sde.std(next) : 0];
  // The index is computed in float32, as for the SDE's discretization.
  const index = Math.trunc(Math.fround(Math.fround(t) * (sde.N - 1)));
  const level = (i: number) => (i < 0 ? 0 : sde.std(sde.N > 1 ? i / (sde.N - 1) : 0));
  return [level(index), level(index - 1)];
}

/**
 * The step of DDPM (VP) and of SMLD (VE), which sample the posterior of the step before.
 *
 * @see Score-Based Generative Modeling through SDEs, Appendix F; the reference's AncestralSamplingPredictor
 */
const ancestral: Predictor = (sde, t, next, { flow }) => {
  const remedy = "choose reverse_diffusion or euler_maruyama as the predictor";
  if (flow) throw new UsageError("ancestral_sampling has no probability flow form", remedy);
  switch (sde.name) {
    case "vp": {
      const beta = sde.discretize(t).G ** 2;
      const scale = 1 / Math.sqrt(1 - beta);
      return { x: scale, score: beta * scale, noise: Math.sqrt(beta) };
    }
    case "ve":
    case "linearve": {
      const [sigma, below] = levels(sde, t, next);
      const variance = sigma ** 2 - below ** 2;
      return { x: 1, score: variance, noise: (below * Math.sqrt(variance)) / sigma };
    }
    case "subvp":
      throw new UsageError("ancestral_sampling is defined for vp, ve and linearve, not for subvp", remedy);
  }
};

/** What a name stands for; undefined leaves the prediction out. */
export const PREDICTORS: Readonly<Record<PredictorName, Predictor | undefined>> = {
  euler_maruyama: eulerMaruyama,
  reverse_diffusion: reverseDiffusion,
  ancestral_sampling: ancestral,
  none: undefined,
};
