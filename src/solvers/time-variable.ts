import type { BatchDerivative } from "./batch-derivative.ts";

/**
 * Variable in which a solver takes its steps: "t", as in the reference, or "sqrt", the square root of t.
 *
 * The flow of the VP SDE has slopes like 1 / sqrt(t) at small t, where sigma_t grows like sqrt(t). As functions of the
 * square root, they stay bounded, so RK45 needs fewer steps for the same tolerance.
 */
export type TimeVariable = "t" | "sqrt";

/**
 * The derivative with respect to s = sqrt(t) of what has the derivative f with respect to t: dy/ds = 2 s f(s^2, y).
 *
 * @param f Its times are t >= 0.
 */
export function inSquareRoot(f: BatchDerivative): BatchDerivative {
  return async (examples, s, y, out) => {
    await f(
      examples,
      s.map((root) => root * root),
      y,
      out,
    );
    const size = out.length / s.length;
    for (let i = 0; i < out.length; i++) out[i]! *= 2 * s[Math.floor(i / size)]!;
  };
}
