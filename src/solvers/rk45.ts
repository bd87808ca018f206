import type { Derivative } from "./dormand-prince.ts";
import { rk45Steps, type Solution, type Tolerances } from "./rk45-steps.ts";
import { turn } from "../base/turn.ts";

/** Options of {@link rk45}. */
export interface Rk45Options extends Tolerances {
  /** Called after each evaluation with its number, counted from 1, and its time. */
  readonly onEvaluation?: ((evaluations: number, t: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The result of {@link rk45}. */
export interface Rk45Result extends Solution {
  /** Number of evaluations of f. */
  readonly evaluations: number;
}

/**
 * Integrates dy/dt = f(t, y) from t0 to t1, forwards or backwards, with the steps of {@link rk45Steps}. The event loop
 * runs between evaluations.
 *
 * @param f Writes the derivative into its third argument.
 * @param y0 The state at t0, not changed.
 * @throws The errors of {@link rk45Steps}; the signal's reason on abort.
 */
export async function rk45(
  f: Derivative,
  t0: number,
  t1: number,
  y0: Float64Array,
  { onEvaluation, signal, ...tolerances }: Rk45Options,
): Promise<Rk45Result> {
  const solver = rk45Steps(t0, t1, y0, tolerances);
  let evaluations = 0;
  for (let step = solver.next(); ; step = solver.next()) {
    if (step.done) return { ...step.value, evaluations };
    const { t, point, slope } = step.value;
    await turn(signal);
    await f(t, point, slope);
    evaluations++;
    onEvaluation?.(evaluations, t);
  }
}
