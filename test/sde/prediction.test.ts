import { describe, expect, it } from "vitest";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { predicting } from "../../src/sde/prediction.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const beta = { betaMin: 0.1, betaMax: 20, N: 1000 };
const SDES = [vpSDE(beta), subVpSDE(beta), veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 }), linearVeSDE({ sigmaMax: 50, N: 1000 })]; // prettier-ignore
const TIMES = [1e-3, 0.1, 0.5, 0.9, 1];

describe.each(SDES)("predicting under $name", (sde) => {
  // With x(0) known, the score at x(t) = alpha x(0) + sigma z is -z / sigma.
  const [x0, z] = [0.7, -1.3];
  const parts = (t: number) => ({ alpha: sde.meanCoeff(t), sigma: sde.std(t) });

  it.each([
    ["noise", () => z],
    ["velocity", (alpha: number, sigma: number) => (alpha * z - sigma * x0) / Math.hypot(alpha, sigma)],
    ["score", (_: number, sigma: number) => -z / sigma],
  ] as const)("has the exact score of %s", (prediction, output) => {
    const process = predicting(sde, prediction);
    for (const t of TIMES) {
      const { alpha, sigma } = parts(t);
      const x = alpha * x0 + sigma * z;
      const score = process.scoreScale(t) * output(alpha, sigma) + (process.inputScale?.(t) ?? 0) * x;
      expect(score).toBeAllclose(-z / sigma, { rtol: 1e-9 });
    }
  });

  it("keeps everything else, and has no discrete form", () => {
    const process = predicting(sde, "velocity");
    expect([process.name, process.std(0.3), process.timeCondition(0.3)]).toEqual([sde.name, sde.std(0.3), sde.timeCondition(0.3)]); // prettier-ignore
    expect(process.discrete).toBeUndefined();
    expect(predicting(sde, undefined)).toBe(sde);
  });
});
