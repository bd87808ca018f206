/** The predictors of predictor-corrector sampling: one step of the reverse-time SDE from t to the next smaller time. */
import { UsageError } from "../base/errors.ts";
import type { Move, SDE } from "../sde/sde.ts";
import { reverseDrift, reverseStep } from "../sde/reverse.ts";

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

/** The SDE's own step that samples the posterior of the step before, its member `ancestral`. */
const ancestral: Predictor = (sde, t, next, { flow }) => {
  const remedy = "choose reverse_diffusion or euler_maruyama as the predictor";
  if (flow) throw new UsageError("ancestral_sampling has no probability flow form", remedy);
  if (sde.ancestral) return sde.ancestral(t, next);
  throw new UsageError(
    `ancestral_sampling needs the SDE's member \`ancestral\`, which ${sde.name} does not have`,
    remedy,
  );
};

/** Finds a predictor by its name; undefined leaves the prediction out. */
export const PREDICTORS: Readonly<Record<PredictorName, Predictor | undefined>> = {
  euler_maruyama: eulerMaruyama,
  reverse_diffusion: reverseDiffusion,
  ancestral_sampling: ancestral,
  none: undefined,
};
