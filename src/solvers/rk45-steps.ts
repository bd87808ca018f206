import { RunError } from "../base/errors.ts";
import { errorNorm, stagePoint, STAGES, stageTime } from "./dormand-prince.ts";

/** Tolerances of a step of RK45. */
export interface Tolerances {
  /** Allowed error relative to the state. */
  readonly rtol: number;
  /** Allowed absolute error. */
  readonly atol: number;
}

/** The slope that a solver needs next: the caller writes dy/dt at (t, point) into `slope`. */
export interface SlopeRequest {
  readonly t: number;
  readonly point: Float64Array;
  readonly slope: Float64Array;
}

/** The end of an integration. */
export interface Solution {
  /** The state at t1. */
  readonly y: Float64Array;
  /** Number of accepted steps. */
  readonly steps: number;
}

const SAFETY = 0.9;
const MIN_FACTOR = 0.2;
const MAX_FACTOR = 10;
/** -1 / (order of the error estimate + 1). */
const EXPONENT = -1 / 5;

/** Root mean square of the values in units of atol + rtol |y|. */
function scaledNorm(values: Float64Array, y: Float64Array, { rtol, atol }: Tolerances): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += (values[i]! / (atol + rtol * Math.abs(y[i]!))) ** 2;
  return Math.sqrt(sum / y.length);
}

/** @throws RunError when the norm of derivatives near t is not finite. */
function finite(norm: number, t: number): number {
  if (!Number.isFinite(norm)) throw new RunError(`rk45: the derivative near t = ${t} is not finite (norm ${norm})`);
  return norm;
}

/** Size of the trial step for the first step, from the sizes of the state (d0) and the slope (d1). */
function trialStep(d0: number, d1: number, interval: number): number {
  return Math.min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1, interval);
}

/** Size of the first step, from the slope (d1) and the second derivative (d2) seen by a trial step. */
function firstStep(trial: number, d1: number, d2: number, interval: number): number {
  const h = d1 <= 1e-15 && d2 <= 1e-15 ? Math.max(1e-6, trial * 1e-3) : (0.01 / Math.max(d1, d2)) ** (1 / 5);
  return Math.min(100 * trial, h, interval);
}

/** Ten times the spacing of float64 numbers at t. */
const smallestStep = (t: number) => 10 * Math.max(2 ** (Math.floor(Math.log2(Math.abs(t))) - 52), Number.MIN_VALUE);

function check(t0: number, t1: number, { rtol, atol }: Tolerances): void {
  if (!Number.isFinite(t0) || !Number.isFinite(t1)) throw new RangeError(`rk45: times must be finite: ${t0}, ${t1}`);
  if (!(rtol >= 1e-13) || !(atol >= 0)) {
    throw new RangeError(`rk45: rtol must be at least 1e-13 and atol at least 0, got ${rtol} and ${atol}`);
  }
}

/**
 * Integrates dy/dt = f(t, y) from t0 to t1 without calling f. It yields a request for each slope, and continues once
 * the slope has been written. The caller can therefore evaluate f for one state or for many at once.
 *
 * The steps are those of `scipy.integrate.solve_ivp(method="RK45")`: one step size for the whole state.
 *
 * @param y0 The state at t0, not changed.
 * @throws RangeError for times or tolerances out of range; RunError when f is not finite or the step becomes too small
 *   for float64.
 */
export function* rk45Steps(
  t0: number,
  t1: number,
  y0: Float64Array,
  tolerances: Tolerances,
): Generator<SlopeRequest, Solution, void> {
  check(t0, t1, tolerances);
  const slopes = Array.from({ length: STAGES }, () => new Float64Array(y0.length));
  let y = y0.slice();
  let next = new Float64Array(y0.length);
  const interval = Math.abs(t1 - t0);
  if (interval === 0 || y.length === 0) return { y, steps: 0 };
  const direction = Math.sign(t1 - t0);

  const [first, second] = slopes as [Float64Array, Float64Array];
  yield { t: t0, point: y, slope: first };
  const d0 = finite(scaledNorm(y, y, tolerances), t0);
  const d1 = finite(scaledNorm(first, y, tolerances), t0);
  const trial = trialStep(d0, d1, interval);
  for (let i = 0; i < y.length; i++) next[i] = y[i]! + trial * direction * first[i]!;
  yield { t: t0 + trial * direction, point: next, slope: second };
  for (let i = 0; i < y.length; i++) second[i]! -= first[i]!;
  const d2 = finite(scaledNorm(second, y, tolerances), t0) / trial;
  let size = firstStep(trial, d1, d2, interval);

  let t = t0;
  let steps = 0;
  while (direction * (t1 - t) > 0) {
    const smallest = smallestStep(t);
    size = Math.max(size, smallest);
    for (let rejected = false; ; rejected = true) {
      if (size < smallest) {
        throw new RunError(`rk45: the step at t = ${t} became smaller than ${smallest}; loosen rtol or atol`);
      }
      const end = direction * (t + size * direction - t1) > 0 ? t1 : t + size * direction;
      const h = end - t;
      size = Math.abs(h);
      for (let s = 1; s < STAGES; s++) {
        stagePoint(s, y, h, slopes, next);
        yield { t: stageTime(s, t, h), point: next, slope: slopes[s]! };
      }
      const norm = finite(errorNorm(slopes, h, y, next, tolerances.rtol, tolerances.atol), t);
      const factor = SAFETY * norm ** EXPONENT;
      if (norm < 1) {
        size *= Math.min(rejected ? 1 : MAX_FACTOR, factor);
        t = end;
        break;
      }
      size *= Math.max(MIN_FACTOR, factor);
    }
    [y, next] = [next, y];
    [slopes[0], slopes[STAGES - 1]] = [slopes[STAGES - 1]!, slopes[0]!];
    steps++;
  }
  return { y, steps };
}
