/** Drawing times from the golden unit uniforms, and comparing them with the reference's. */
import { expect } from "vitest";
import type { SDE } from "../../src/sde/sde.ts";
import "./allclose.ts";
import { sdeFormula } from "./tolerances.ts";

/** The time of a unit uniform u: uniform in [eps, T], or with density proportional to g^2 / sigma^2. */
export function timeOf(sde: SDE, eps: number, importance: boolean): (u: number) => number {
  if (!importance) return (u) => eps + u * (sde.T - eps);
  const Z = sde.importance!.cumulative(sde.T, eps);
  return (u) => sde.importance!.inverse(u * Z, eps);
}

/** Expects the times of `u` to be the float32 times of the reference. */
export function expectTimes(sde: SDE, eps: number, importance: boolean, u: Float64Array, times: Float64Array): void {
  const drawn = u.map(timeOf(sde, eps, importance));
  if (!importance) {
    expect(drawn).toBeAllclose(times, sdeFormula());
    return;
  }
  // The reference inverts a float32 function of t, so its times are as good as that function's values in units of Z.
  const cumulative = (t: number) => sde.importance!.cumulative(t, eps);
  expect(drawn.map(cumulative)).toBeAllclose(times.map(cumulative), { atol: sdeFormula().rtol * cumulative(sde.T) });
}
