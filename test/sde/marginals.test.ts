import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rk45, type Rk45Options } from "../../src/solvers/rk45.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const N = 1000;
const beta = fc
  .tuple(fc.double({ min: 0.01, max: 2, noNaN: true }), fc.double({ min: 0, max: 25, noNaN: true }))
  .map(([betaMin, growth]) => ({ betaMin, betaMax: betaMin + growth, N }));
const sigma = fc
  .tuple(fc.double({ min: 0.005, max: 0.5, noNaN: true }), fc.double({ min: 1, max: 60, noNaN: true }))
  .map(([sigmaMin, sigmaMax]) => ({ sigmaMin, sigmaMax, N }));
const time = fc.double({ min: 1e-4, max: 1, noNaN: true });

const SDES: readonly (readonly [string, fc.Arbitrary<SDE>])[] = [
  ["VP", beta.map(vpSDE)],
  ["subVP", beta.map(subVpSDE)],
  ["VE", sigma.map(veSDE)],
  ["linear VE", sigma.map(linearVeSDE)],
];

const TIGHT: Rk45Options = { rtol: 1e-9, atol: 1e-12 };

/** Mean m' = a m and variance v' = 2 a v + g^2 at time t, from 1 and the variance at time 0. */
async function integratedMoments(sde: SDE, t: number): Promise<Float64Array> {
  const start = Float64Array.of(1, sde.std(0) ** 2);
  const result = await rk45(
    (t, [m, v], out) => {
      out[0] = sde.driftCoeff(t) * m!;
      out[1] = 2 * sde.driftCoeff(t) * v! + sde.diffusion(t) ** 2;
    },
    0,
    t,
    start,
    TIGHT,
  );
  return result.y;
}

describe.each(SDES)("%s", (_, sdes) => {
  it("has the marginals that integrating the SDE's moments gives", async () => {
    await fc.assert(
      fc.asyncProperty(sdes, time, async (sde, t) => {
        const moments = [sde.meanCoeff(t), sde.std(t) ** 2];
        expect(moments).toBeAllclose(await integratedMoments(sde, t), { rtol: 1e-6, atol: 1e-10 });
      }),
      { numRuns: 30 },
    );
  });

  it("starts at the data and grows noisier", () => {
    fc.assert(
      fc.property(sdes, time, time, (sde, s, t) => {
        expect(sde.meanCoeff(0)).toBe(1);
        const [early, late] = [Math.min(s, t), Math.max(s, t)];
        expect(sde.std(late)).toBeGreaterThanOrEqual(sde.std(early));
        expect(sde.meanCoeff(late)).toBeLessThanOrEqual(sde.meanCoeff(early));
      }),
    );
  });

  it("has discretized steps that follow the SDE, to first order in 1 / N", () => {
    fc.assert(
      fc.property(sdes, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (sde, t) => {
        const { f, G } = sde.discretize(t);
        // DDPM's and SMLD's indices are off by up to one step of time.
        const rates = [t - 1.5 / sde.N, t + 1.5 / sde.N].map((t) => [sde.driftCoeff(t), sde.diffusion(t) ** 2]);
        const [low, high] = rates as [[number, number], [number, number]];
        for (const [received, i] of [
          [f * sde.N, 0],
          [G * G * sde.N, 1],
        ] as const) {
          const [from, to] = [Math.min(low[i]!, high[i]!), Math.max(low[i]!, high[i]!)];
          const slack = 0.02 * Math.max(Math.abs(from), Math.abs(to));
          expect(received).toBeGreaterThanOrEqual(from - slack);
          expect(received).toBeLessThanOrEqual(to + slack);
        }
      }),
    );
  });
});

describe("the reference's approximation for small times", () => {
  const options = { betaMin: 0.1, betaMax: 20, N };
  const pairs = [vpSDE, subVpSDE].map((make) => [make(options), make({ ...options, reference: true })] as const);

  it.each(pairs)("is off by up to 5e-4 below t = 0.01, and exact above", (exact, reference) => {
    const relative = (t: number) => Math.abs(reference.std(t) / exact.std(t) - 1);
    const early = Array.from({ length: 200 }, (_, i) => relative(1e-5 + (i / 199) * (0.00999 - 1e-5)));
    expect(Math.max(...early)).toBeGreaterThan(4e-4);
    expect(Math.max(...early)).toBeLessThan(1.1e-3);
    for (const t of [0.0101, 0.1, 0.5, 1]) expect(relative(t)).toBeLessThan(1e-12);
  });
});
