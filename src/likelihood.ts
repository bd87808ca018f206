/** Entry `scorestream/likelihood`: solvers, likelihood, bound and sampling as functions, without streams. */

// Solvers
export { type Rk45Options, type Rk45Result, rk45 } from "./solvers/rk45.ts";
export {
  type StepControl,
  type Rk45BatchOptions,
  type Rk45BatchResult,
  callSize,
  rk45Batch,
} from "./solvers/rk45-batch.ts";
export { type Tolerances, type SlopeRequest, type Solution, rk45Steps } from "./solvers/rk45-steps.ts";
export type { BatchDerivative } from "./solvers/batch-derivative.ts";
export type { TimeVariable } from "./solvers/time-variable.ts";

// Likelihood
export { type BitsPerDimOptions, bitsPerDimOf } from "./likelihood/bits-per-dim.ts";
export { type OdeLikelihoodOptions, type OdeLikelihood, odeLikelihood } from "./likelihood/ode-likelihood.ts";
export { type BoundDraw, type BoundOptions, variationalBound } from "./likelihood/bound.ts";
export { type Cells, cellWidth, levelOf, reconstructionNats } from "./likelihood/cells.ts";
export { type DiscreteBoundOptions, discreteBound } from "./likelihood/discrete-bound.ts";

// Sampling
export { type OdeSampleOptions, type OdeSamples, denoiseStep, odeEncode, odeSample } from "./sampling/ode-sampler.ts";
export {
  type PcNoise,
  type PcSampleOptions,
  type PcSamples,
  seededNoise,
  samplingTimes,
  pcSample,
} from "./sampling/pc-sampler.ts";

// SDEs as functions of numbers
export { type ReverseCoefficients, reverseDrift, reverseStep } from "./sde/reverse.ts";
export type { Later, ScoreAndDivergence, ScoreFunction, ExactScore } from "./sde/score-function.ts";
export { perturbExamples } from "./sde/perturb.ts";
export { type DrawTimeOptions, drawTime } from "./sde/draw-time.ts";
