import { describe, expect, it } from "vitest";
import { reverseDrift, reverseStep } from "../../src/sde/reverse.ts";
import { requireSameSde } from "../../src/sde/score-function.ts";
import { gaussianEntropy, gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { exampleSize } from "../../src/sde/shapes.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const base = vpSDE({ betaMin: 2, betaMax: 4, N: 5 });
const exact = { rtol: 1e-12 };

describe("the reverse of an SDE with a = -3, g = 4 and a step f = -0.5, G = 2", () => {
  const sde = { ...base, driftCoeff: () => -3, diffusion: () => 4, discretize: () => ({ f: -0.5, G: 2 }) };

  it("has the drift a x - g^2 score with noise g, the flow half of it without noise", () => {
    expect(reverseDrift(sde, 0.5, { flow: false })).toEqual({ x: -3, score: -16, noise: 4 });
    expect(reverseDrift(sde, 0.5, { flow: true })).toEqual({ x: -3, score: -8, noise: 0 });
  });

  it("has the step f x - G^2 score with noise G, the flow half of it without noise", () => {
    expect(reverseStep(sde, 0.5, { flow: false })).toEqual({ x: -0.5, score: -4, noise: 2 });
    expect(reverseStep(sde, 0.5, { flow: true })).toEqual({ x: -0.5, score: -2, noise: 0 });
  });
});

describe("the exact score of a Gaussian", () => {
  const sde = { ...base, meanCoeff: (t: number) => t, std: (t: number) => 1 - t / 2 };
  const score = gaussianScore({ shape: [1, 2], mean: [1, -2], std: [2, 0.5] }, sde);
  const x = new Float32Array([3, 1, 0, 2]);
  // At t = 1: mean [1, -2], variances 4.25 and 0.5; at t = 0: mean 0 and variance 1.
  const t = Float64Array.of(1, 0);
  const expected = [-2 / 4.25, -6, -0, -2];

  it("is -(x - alpha mean) / (alpha^2 std^2 + sigma^2), at each example's time", () => {
    expect(score.shape).toEqual([1, 2]);
    expect(score.score(x, t)).toBeAllclose(expected, { rtol: 1e-6 });
  });

  it("has the divergence that the probe sees, with the squares of the probe as weights", () => {
    const found = score.scoreAndDivergence(x, t, new Float32Array([1, 2, 3, -1]));
    expect(found.score).toBeAllclose(expected, { rtol: 1e-6 });
    expect(found.divergence).toBeAllclose([-1 / 4.25 - 8, -10], exact);
  });

  it("refuses means or deviations that do not fit, with the numbers of both", () => {
    const make = (mean: number[], std: number[]) => () => gaussianScore({ shape: [2, 1], mean, std }, sde);
    expect(make([0], [1, 1])).toThrow("gaussianScore: shape [2,1] needs 2 means and stds, got 1, 2");
    expect(make([0, 0], [1])).toThrow("gaussianScore: shape [2,1] needs 2 means and stds, got 2, 1");
  });
});

describe("Gaussian densities by hand", () => {
  const half = 0.5 * Math.log(2 * Math.PI);

  it("are -log std - (x - mean)^2 / (2 std^2) - log(2 pi) / 2, summed over an example", () => {
    const x = [3, -1, 0, 1];
    const each = gaussianLogDensity(x, [1, 1], [2, 4]);
    expect(each).toBeAllclose([-0.5 - 0.125 - Math.log(8) - 2 * half, -0.125 - Math.log(8) - 2 * half], exact);
    const same = gaussianLogDensity(x, [1, 1], 2);
    expect(same).toBeAllclose([-1 - Math.log(4) - 2 * half, -0.125 - Math.log(4) - 2 * half], exact);
  });

  it("have the entropy (log(2 pi) + 1) / 2 + log std of each dimension", () => {
    expect(gaussianEntropy([2, 4])).toBeAllclose(2 * half + 1 + Math.log(8), exact);
  });
});

describe("the size of an example", () => {
  it("is the product of its shape, and the batch the quotient", () => {
    expect(exampleSize("op", [2, 3], 24)).toEqual({ dims: 6, batch: 4 });
    expect(exampleSize("op", [], 3, { noise: 3 })).toEqual({ dims: 1, batch: 3 });
  });

  it("refuses lengths that do not fit, by name", () => {
    for (const length of [0, 7]) {
      const refused = new RangeError(`op: ${length} values are not a number of examples of shape [2,3]`);
      expect(() => exampleSize("op", [2, 3], length)).toThrow(refused);
    }
    const refused = new RangeError("op: noise has 5 values, the data 6");
    expect(() => exampleSize("op", [2, 3], 6, { probe: 6, noise: 5 })).toThrow(refused);
  });
});

describe("an operator's SDE", () => {
  const ve = veSDE({ sigmaMin: 0.25, sigmaMax: 4, N: 5 });
  const score = gaussianScore({ shape: [1], mean: [0], std: [1] }, base);

  it("may be that of the score, and any where the score has none", () => {
    expect(() => requireSameSde("op", { ...score, sde: base }, base)).not.toThrow();
    expect(() => requireSameSde("op", score, ve)).not.toThrow();
  });

  it("may not be another, also of the same kind", () => {
    expect(() => requireSameSde("op", { ...score, sde: base }, ve)).toThrow(
      new RangeError(
        "op: the score was made for another SDE (vp) than the one given (ve); " +
          "give the session the SDE: session(context, { network, sde }, ...)",
      ),
    );
    expect(() => requireSameSde("op", { ...score, sde: base }, { ...base })).toThrow(RangeError);
  });
});
