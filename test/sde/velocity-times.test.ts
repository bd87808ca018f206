import { describe, expect, it } from "vitest";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { velocityTimes } from "../../src/sde/velocity-times.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import type { SDE } from "../../src/sde/sde.ts";
import "../golden/allclose.ts";

const beta = { betaMin: 0.1, betaMax: 20, N: 1000 };
const SDES = [vpSDE(beta), subVpSDE(beta), veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 }), linearVeSDE({ sigmaMax: 50, N: 1000 })]; // prettier-ignore
const eps = 1e-3;

/** Integral of alpha^2 / (alpha^2 + sigma^2) g^2 / sigma^2 over [eps, end], by Simpson's rule in log t. */
function quadrature(sde: SDE, end: number, intervals = 4000): number {
  const h = Math.log(end / eps) / intervals;
  const rate = (t: number) => {
    const [alpha, sigma] = [sde.meanCoeff(t), sde.std(t)];
    return (alpha ** 2 / (alpha ** 2 + sigma ** 2)) * (sde.diffusion(t) / sigma) ** 2;
  };
  const terms = Array.from({ length: intervals + 1 }, (_, i) => {
    const t = eps * Math.exp(i * h);
    return (i === 0 || i === intervals ? 1 : i % 2 ? 4 : 2) * t * rate(t);
  });
  return (terms.reduce((a, b) => a + b, 0) * h) / 3;
}

describe.each(SDES)("velocityTimes under $name", (sde) => {
  const { cumulative, inverse } = velocityTimes(sde);

  it("is the integral of its density", () => {
    for (const t of [0.01, 0.2, 0.7, 1]) expect(cumulative(t, eps)).toBeAllclose(quadrature(sde, t), { rtol: 1e-7 });
  });

  it("has the inverse in closed form, and the same by search", () => {
    const searched = velocityTimes({ ...sde, timeOfLogSnr: undefined } as unknown as SDE).inverse;
    for (const t of [eps, 0.01, 0.2, 0.7, 0.95]) {
      const quantile = cumulative(t, eps);
      expect(inverse(quantile, eps)).toBeAllclose(t, { rtol: 1e-8 });
      expect(searched(quantile, eps)).toBeAllclose(t, { rtol: 1e-8 });
    }
  });
});

it("is uniform in log(sigma^2) under VP", () => {
  const sde = vpSDE(beta);
  const { cumulative } = velocityTimes(sde);
  for (const t of [0.01, 0.3, 1]) {
    expect(cumulative(t, eps)).toBeAllclose(2 * Math.log(sde.std(t) / sde.std(eps)), { rtol: 1e-10 });
  }
});
