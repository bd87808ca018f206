import { describe, expect, it } from "vitest";
import {
  betaAt,
  betaIntegral,
  importanceOf,
  meanCoefficient,
  oneMinusExp,
  timeOfIntegral,
} from "../../src/sde/linear-beta.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const options = { betaMin: 2, betaMax: 4, N: 10 };
const exact = { rtol: 1e-12 };

describe("a linear beta", () => {
  it("has its integral and the inverse of that", () => {
    expect([0, 0.5, 1].map((t) => betaAt(options, t))).toEqual([2, 3, 4]);
    expect([0, 0.5, 1].map((t) => betaIntegral(options, t))).toEqual([0, 1.25, 3]);
    expect([0, 1.25, 3].map((B) => timeOfIntegral(options, B))).toEqual([0, 0.5, 1]);
    expect(timeOfIntegral({ betaMin: 2, betaMax: 2, N: 10 }, 1)).toBe(0.5);
  });
});

describe("the reference's first order", () => {
  it("replaces exp(-B / 2) up to B / 2 = 1e-3, that included", () => {
    expect(meanCoefficient(0.002, true)).toBe(1 - 0.001);
    expect(meanCoefficient(0.0021, true)).toBe(Math.exp(-0.00105));
    expect(meanCoefficient(0.002)).toBe(Math.exp(-0.001));
  });

  it("replaces 1 - exp(-B) up to a decider of 1e-3, that included", () => {
    expect(oneMinusExp(0.001, true)).toBe(0.001);
    expect(oneMinusExp(0.0011, true)).toBe(-Math.expm1(-0.0011));
    expect(oneMinusExp(0.002, true, 0.001)).toBe(0.002);
    expect(oneMinusExp(0.0005, true, 0.0011)).toBe(-Math.expm1(-0.0005));
    expect(oneMinusExp(0.0005)).toBe(-Math.expm1(-0.0005));
  });

  // Constant beta = 2: B(t) = 2 t, so t = 5e-4 and t = 1e-3 are the boundaries.
  const flat = { betaMin: 2, betaMax: 2, N: 10, reference: true };

  it.each([5e-4, 8e-4, 1e-3])("decides by B / 2 for the kernel and by B or 2 B elsewhere, at t = %s", (t) => {
    const B = 2 * t;
    const [vp, sub] = [vpSDE(flat), subVpSDE(flat)];
    for (const sde of [vp, sub]) expect(sde.meanCoeff(t)).toBe(1 - B / 2);
    expect(vp.std(t)).toBe(Math.sqrt(B));
    expect(sub.std(t)).toBe(B);
    expect(sub.diffusion(t)).toBe(Math.sqrt(2 * -Math.expm1(-2 * B)));
    const vpLambda = (B <= 1e-3 ? Math.log(B) : Math.log(-Math.expm1(-B))) + B;
    const subLambda = B <= 1e-3 ? 2 * Math.log(B) - B : 2 * Math.log(-Math.expm1(-B)) + B;
    const late = { vp: Math.log(Math.E ** 2 - 1), sub: 2 * Math.log(-Math.expm1(-2)) + 2 };
    expect(vp.importance!.cumulative(1, t)).toBeAllclose(late.vp - vpLambda, { rtol: 1e-13 });
    expect(sub.importance!.cumulative(1, t)).toBeAllclose(late.sub - subLambda, { rtol: 1e-13 });
  });

  it("enters g of subvp where 2 B is at most 1e-3, and leaves all beyond B / 2 = 1e-3", () => {
    const sub = subVpSDE(flat);
    expect(sub.diffusion(2e-4)).toBe(Math.sqrt(2 * 8e-4));
    expect(sub.std(1.1e-3)).toBe(-Math.expm1(-2.2e-3));
    expect(vpSDE(flat).std(1.1e-3)).toBe(Math.sqrt(-Math.expm1(-2.2e-3)));
  });
});

describe("the inverse of an importance weight", () => {
  // lambda = log(exp(B) - 1) of vp: its inverse log(1 + exp(lambda)), at both ends of float64.
  it.each([
    ["vp", vpSDE, (B: number) => Math.log(Math.expm1(B))],
    ["subvp", subVpSDE, (B: number) => 2 * Math.log(2 * Math.sinh(B / 2))],
  ] as const)("of %s is exact for small and large B", (_, make, lambda) => {
    for (const scale of [1e-8, 1, 400]) {
      const { inverse } = make({ betaMin: 2 * scale, betaMax: 4 * scale, N: 10 }).importance!;
      const eps = 0.01;
      const from = lambda(2.01 * eps * scale);
      const B = 1.25 * scale;
      expect(inverse(lambda(B) - from, eps)).toBeAllclose(0.5, { rtol: 1e-7 });
    }
  });

  it("of vp does not overflow where B is beyond the range of exp", () => {
    const { cumulative, inverse } = vpSDE({ betaMin: 2000, betaMax: 2000, N: 10 }).importance!;
    expect(cumulative(0.9, 0.1)).toBeAllclose(1600, exact);
    expect(inverse(1600, 0.1)).toBeAllclose(0.9, exact);
  });

  it("is found by bisection for the reference, the upper end of a level stretch", () => {
    // Lambda(B) = B up to B(1/2), level beyond.
    const level = importanceOf(
      { ...options, reference: true },
      (B) => Math.min(B, 1.25),
      () => NaN,
    );
    expect(level.inverse(betaIntegral(options, 0.25), 0)).toBeAllclose(0.25, exact);
    expect(level.inverse(1.25, 0)).toBe(1);
    expect(level.inverse(-1, 0.125)).toBe(0.125);
    const closed = importanceOf(
      options,
      (B) => 2 * B,
      (lambda) => lambda / 2,
    );
    expect(closed.inverse(2 * (1.25 - betaIntegral(options, 0.25)), 0.25)).toBeAllclose(0.5, exact);
  });
});
