/**
 * One step of the Dormand-Prince method of order 5(4).
 *
 * @see Dormand and Prince, A family of embedded Runge-Kutta formulae (1980), Table 2
 */

import type { Later } from "../sde/score-function.ts";

/** Writes dy/dt at (t, y) into `out`; `y` is not kept. */
export type Derivative = (t: number, y: Float64Array, out: Float64Array) => Later<void>;

const C = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
/** Row s makes the point of stage s; the last row is the solution of order 5, whose slope starts the next step. */
const A = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
/** Order 5 minus order 4. */
const E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/** Number of slopes of a step: its own first one and the next step's first one included. */
export const STAGES = C.length;

/** h sum_j weights[j] slopes[j][i]. */
function combine(weights: readonly number[], slopes: readonly Float64Array[], h: number, i: number): number {
  let sum = 0;
  for (let j = 0; j < weights.length; j++) sum += weights[j]! * slopes[j]![i]!;
  return h * sum;
}

/** Time of stage `s` of the step from t by `h`. */
export const stageTime = (s: number, t: number, h: number) => t + C[s]! * h;

/**
 * The point of stage `s` in 1 ... 6 of the step from y by `h`: needs slopes 0 ... s - 1.
 *
 * @param point Written; that of the last stage is the new y.
 */
export function stagePoint(
  s: number,
  y: Float64Array,
  h: number,
  slopes: readonly Float64Array[],
  point: Float64Array,
): void {
  const weights = A[s]!;
  for (let i = 0; i < y.length; i++) point[i] = y[i]! + combine(weights, slopes, h, i);
}

/** Root mean square over the whole state of the step's error, in units of atol + rtol max(|y|, |next|). */
export function errorNorm(
  slopes: readonly Float64Array[],
  h: number,
  y: Float64Array,
  next: Float64Array,
  rtol: number,
  atol: number,
): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    const scale = atol + rtol * Math.max(Math.abs(y[i]!), Math.abs(next[i]!));
    sum += (combine(E, slopes, h, i) / scale) ** 2;
  }
  return Math.sqrt(sum / y.length);
}
