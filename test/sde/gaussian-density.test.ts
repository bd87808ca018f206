import { describe, expect, it } from "vitest";
import { gaussianEntropy, gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import "../golden/allclose.ts";
import { diffused, draws, gaussian, meanAndError, SDES } from "../likelihood/gaussian.ts";

describe("Gaussian closed forms", () => {
  it("has a density that integrates to 1", () => {
    const h = 0.01;
    const x = Array.from({ length: 2001 }, (_, i) => -10 + i * h);
    const total = gaussianLogDensity(x, [0.5], [1.3]).reduce((sum, logp) => sum + Math.exp(logp) * h, 0);
    expect(total).toBeAllclose(1, { rtol: 1e-9 });
  });

  it("has the entropy that is the mean of -log density", () => {
    const logp = gaussianLogDensity(draws(4000, 1), gaussian.mean, gaussian.std);
    const { mean, error } = meanAndError(logp);
    expect(Math.abs(-mean - gaussianEntropy(gaussian.std))).toBeLessThan(4 * error);
  });

  it.each(SDES)("has a score under %s that is the gradient of the diffused log density", (_, sde) => {
    const t = 0.37;
    const { mean, std } = diffused(sde, t);
    const x = draws(1, 2);
    const h = 1e-4;
    const expected = Array.from(x, (_, d) => {
      const at = (sign: number) =>
        gaussianLogDensity(
          Float64Array.from(x, (v, i) => v + (i === d ? sign * h : 0)),
          mean,
          std,
        )[0]!;
      return (at(1) - at(-1)) / (2 * h);
    });
    const score = gaussianScore(gaussian, sde).score(x, Float64Array.of(t));
    expect(score).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-7 });
  });

  it("refuses moments that do not fit the shape", () => {
    expect(() => gaussianScore({ ...gaussian, shape: [4] }, SDES[0]![1])).toThrow(/needs 4 means/);
  });
});
