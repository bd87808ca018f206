import type { SDE } from "./sde.ts";

/** A value now, or a promise of it. */
export type Later<T> = T | Promise<T>;

/** A score and the estimate of its divergence. */
export interface ScoreAndDivergence {
  readonly score: Float32Array;
  readonly divergence: Float64Array;
}

/** The score of a model and its divergence, as solvers need them. */
export interface ScoreFunction {
  /** The SDE for which it was made, if it comes from a network. Operators refuse another SDE. */
  readonly sde?: SDE;
  /** Shape of one example: [H, W, C] for images, [D] for vectors. */
  readonly shape: readonly number[];
  /** The gradient of log p_t(x) with respect to x, for x [B, ...shape] and one time per example. */
  score(x: Float32Array, t: Float64Array): Later<Float32Array>;
  /** The score, and Hutchinson's estimate of its divergence: probe' (d score / dx) probe, [B]. */
  scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array): Later<ScoreAndDivergence>;
}

/** A score with a closed form. */
export interface ExactScore extends ScoreFunction {
  score(x: Float32Array, t: Float64Array): Float32Array;
  scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array): ScoreAndDivergence;
}

/**
 * Checks that an operator uses the SDE of its score, or of the network that learns it.
 *
 * @throws RangeError when the score was made for another SDE.
 */
export function requireSameSde(operator: string, score: Pick<ScoreFunction, "sde">, sde: SDE): void {
  if (score.sde === undefined || score.sde === sde) return;
  throw new RangeError(
    `${operator}: the score was made for another SDE (${score.sde.name}) than the one given (${sde.name}); ` +
      "give the session the SDE: session(context, { network, sde }, ...)",
  );
}
