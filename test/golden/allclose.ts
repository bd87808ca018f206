/** `toBeAllclose`: arrays equal within a tolerance, with the largest deviation in the message. */
import { appendFileSync } from "node:fs";
import { expect } from "vitest";

export interface Tolerance {
  /** Deviation allowed in proportion to the expected value. */
  readonly rtol?: number;
  /** Deviation allowed in any case. */
  readonly atol?: number;
}

type Numbers = ArrayLike<number> | number;

declare module "vitest" {
  // The parameter must be named as in vitest's own declaration.
  interface Matchers<T> {
    /** |received - expected| <= atol + rtol |expected| everywhere; both are 0 by default. */
    toBeAllclose(expected: Numbers, tolerance: Tolerance): T;
  }
}

const arrayOf = (values: Numbers): ArrayLike<number> => (typeof values === "number" ? [values] : values);

/** Largest magnitude, the scale for tolerances relative to a whole tensor. */
export function maxAbs(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]!));
  return max;
}

export interface Deviation {
  readonly index: number;
  readonly absolute: number;
  readonly relative: number;
  /** Deviation in units of what is allowed; above 1 is too much. */
  readonly used: number;
}

/** The entry that comes nearest to its limit or goes farthest beyond it. */
export function worst(received: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance): Deviation {
  const { rtol = 0, atol = 0 } = tolerance;
  let result: Deviation = { index: 0, absolute: 0, relative: 0, used: 0 };
  for (let index = 0; index < expected.length; index++) {
    const [a, e] = [received[index]!, expected[index]!];
    if (Object.is(a, e) || a === e) continue;
    const absolute = Math.abs(a - e);
    const used = absolute / (atol + rtol * Math.abs(e));
    // Written so that NaN counts as too much.
    if (!(used <= result.used)) {
      result = { index, absolute, relative: absolute / Math.abs(e), used: Number.isNaN(used) ? Infinity : used };
    }
    if (result.used === Infinity) break;
  }
  return result;
}

/** Adds a line to the file that the table of deviations is made from, if one was asked for. */
function record(test: string, deviation: Deviation): void {
  const path = process.env.SCORESTREAM_DEVIATIONS;
  if (path) appendFileSync(path, `${JSON.stringify({ test, ...deviation })}\n`);
}

expect.extend({
  toBeAllclose(receivedValue: Numbers, expectedValue: Numbers, tolerance: Tolerance) {
    const received = arrayOf(receivedValue);
    const expected = arrayOf(expectedValue);
    if (received.length !== expected.length) {
      return { pass: false, message: () => `${received.length} values, expected ${expected.length}` };
    }
    const deviation = worst(received, expected, tolerance);
    record(this.currentTestName ?? "", deviation);
    const { index, absolute, relative, used } = deviation;
    const pass = used <= 1;
    return {
      pass,
      message: () =>
        `${pass ? "within" : "beyond"} rtol ${tolerance.rtol ?? 0}, atol ${tolerance.atol ?? 0}: largest deviation at ` +
        `${index} of ${expected.length}: ${received[index]} for ${expected[index]}, off by ${absolute.toExponential(2)} ` +
        `(relative ${relative.toExponential(2)}), ${used.toPrecision(3)} times what is allowed`,
    };
  },
});
