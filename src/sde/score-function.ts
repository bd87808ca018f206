/** At once or later. */
export type Later<T> = T | Promise<T>;

export interface ScoreAndDivergence {
  readonly score: Float32Array;
  readonly divergence: Float64Array;
}

/** What the solvers ask of a score model. */
export interface ScoreFunction {
  /** Shape of one example: [H, W, C] for images, [D] for vectors. */
  readonly shape: readonly number[];
  /** Gradient in x of log p_t(x), for x [B, ...shape] and one time for each example. */
  score(x: Float32Array, t: Float64Array): Later<Float32Array>;
  /** The score, and Hutchinson's estimate of its divergence: probe' (d score / dx) probe, [B]. */
  scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array): Later<ScoreAndDivergence>;
}

/** A score that is known in closed form. */
export interface ExactScore extends ScoreFunction {
  score(x: Float32Array, t: Float64Array): Float32Array;
  scoreAndDivergence(x: Float32Array, t: Float64Array, probe: Float32Array): ScoreAndDivergence;
}
