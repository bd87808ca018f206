import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import type { SDE } from "../../src/sde/sde.ts";
import "../golden/allclose.ts";

const N = 1000;
const PAPER = { betaMin: 0.1, betaMax: 20, N };
const beta = fc
  .tuple(fc.double({ min: 0.01, max: 2, noNaN: true }), fc.double({ min: 0, max: 25, noNaN: true }))
  .map(([betaMin, growth]) => ({ betaMin, betaMax: betaMin + growth, N }));
const eps = fc.constantFrom(1e-5, 1e-3, 1e-2);
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

const MAKERS = [
  ["VP", vpSDE],
  ["subVP", subVpSDE],
] as const;

/** Integral of g^2 / sigma^2 over [from, to] by Simpson's rule in log t, where the integrand is smooth. */
function quadrature(sde: SDE, from: number, to: number, intervals = 400): number {
  const [a, b] = [Math.log(from), Math.log(to)];
  const h = (b - a) / intervals;
  let sum = 0;
  for (let i = 0; i <= intervals; i++) {
    const t = Math.exp(a + i * h);
    const factor = i === 0 || i === intervals ? 1 : i % 2 ? 4 : 2;
    sum += factor * t * (sde.diffusion(t) / sde.std(t)) ** 2;
  }
  return (sum * h) / 3;
}

describe.each(MAKERS)("importance weight of %s", (_, make) => {
  it("is the integral of g^2 / sigma^2", () => {
    fc.assert(
      fc.property(beta, eps, fraction, (options, eps, u) => {
        const sde = make(options);
        const t = eps + (1 - eps) * (0.01 + 0.99 * u);
        expect(sde.importance!.cumulative(t, eps)).toBeAllclose(quadrature(sde, eps, t), { rtol: 1e-5 });
      }),
      { numRuns: 50 },
    );
  });

  it("is 0 at eps and grows with t", () => {
    fc.assert(
      fc.property(beta, eps, fraction, fraction, (options, eps, u, v) => {
        const { cumulative } = make(options).importance!;
        expect(cumulative(eps, eps)).toBe(0);
        const times = [u, v].map((u) => eps + u * (1 - eps)).sort((a, b) => a - b) as [number, number];
        expect(cumulative(times[1], eps)).toBeGreaterThanOrEqual(cumulative(times[0], eps));
      }),
    );
  });

  it("is inverted by its inverse, both ways", () => {
    fc.assert(
      fc.property(beta, eps, fraction, (options, eps, u) => {
        const { cumulative, inverse } = make(options).importance!;
        const Z = cumulative(1, eps);
        const t = inverse(u * Z, eps);
        expect(t).toBeGreaterThanOrEqual(eps * (1 - 1e-9));
        expect(t).toBeLessThanOrEqual(1 + 1e-9);
        expect(cumulative(t, eps)).toBeAllclose(u * Z, { rtol: 1e-9, atol: 1e-9 });
        const time = eps + u * (1 - eps);
        expect(inverse(cumulative(time, eps), eps)).toBeAllclose(time, { rtol: 1e-9 });
      }),
    );
  });

  it("has the reference's bisection agree with the closed form where both are exact", () => {
    const [exact, reference] = [make(PAPER), make({ ...PAPER, reference: true })];
    const from = 0.05;
    const Z = exact.importance!.cumulative(1, from);
    for (const u of [0, 0.1, 0.5, 0.9, 0.999]) {
      const t = exact.importance!.inverse(u * Z, from);
      expect(reference.importance!.inverse(u * Z, from)).toBeAllclose(t, { rtol: 1e-9 });
    }
  });
});

describe("importance weights of the paper's SDEs", () => {
  it.each([
    ["VP", vpSDE, 1e-5, 23.8645],
    ["subVP", subVpSDE, 1e-5, 37.6789],
    ["subVP", subVpSDE, 1e-2, 22.4841],
  ] as const)("of %s have the known total", (_, make, eps, Z) => {
    expect(make(PAPER).importance!.cumulative(1, eps)).toBeAllclose(Z, { atol: 5.1e-5 });
  });

  it("do not exist for VE", () => {
    expect(veSDE({ sigmaMin: 0.01, sigmaMax: 50, N }).importance).toBeUndefined();
    expect(linearVeSDE({ sigmaMax: 50, N }).importance).toBeUndefined();
  });
});
