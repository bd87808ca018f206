import { describe, expect, it } from "vitest";
import { gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import type { ExactScore, ScoreFunction } from "../../src/sde/score-function.ts";
import { fillRademacher, randomKey } from "../../src/base/random.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";
import { diffused, DIMS, draws, flow, gaussian, meanAndError, normal, SDES } from "./gaussian.ts";

const B = 8;

function rademacher(n: number, seed: number): Float32Array {
  const out = new Float32Array(n);
  fillRademacher(randomKey(seed), out);
  return out;
}

describe.each(SDES)("odeLikelihood of a Gaussian under %s", (_, sde, eps) => {
  it("is exact to the solver's tolerance", async () => {
    const tolerance = 1e-6;
    const data = draws(B, 1);
    const score = gaussianScore(gaussian, sde);
    const probe = rademacher(data.length, 2);
    const result = await odeLikelihood(score, sde, data, { eps, rtol: tolerance, atol: tolerance, probe });
    expect(result.latent).toBeAllclose(flow(sde, data, eps, sde.T), { rtol: 1e-5, atol: 2e-5 });

    // The solution's end is measured by the prior's density, where the exact one is that of the diffused data.
    const zeros = new Float64Array(DIMS);
    const end = diffused(sde, sde.T);
    const start = diffused(sde, eps);
    const prior = gaussianLogDensity(result.latent, zeros, sde.priorStd);
    const exactEnd = gaussianLogDensity(result.latent, end.mean, end.std);
    const exact = gaussianLogDensity(data, start.mean, start.std);
    expect(result.logp.map((nats, b) => nats - prior[b]! + exactEnd[b]!)).toBeAllclose(exact, { atol: 1e-4 });
  });

  it("gives about the density of the data themselves", async () => {
    const data = draws(B, 3);
    const probe = rademacher(data.length, 4);
    const options = { eps, rtol: 1e-5, atol: 1e-5, probe };
    const { logp } = await odeLikelihood(gaussianScore(gaussian, sde), sde, data, options);
    // What is left is the noise at eps, at most 0.05 beside 0.25, and the data in the prior, 1.1 beside 50.
    expect(logp).toBeAllclose(gaussianLogDensity(data, gaussian.mean, gaussian.std), { atol: 0.15 });
  });
});

describe("odeLikelihood", () => {
  const [, sde, eps] = SDES[0]!;
  const data = draws(B, 5);
  const probe = rademacher(data.length, 6);
  const options = { eps, rtol: 1e-5, atol: 1e-5, probe };

  it("counts network evaluations", async () => {
    const inner = gaussianScore(gaussian, sde);
    let calls = 0;
    const counting: ScoreFunction = {
      ...inner,
      scoreAndDivergence(...args) {
        calls++;
        return inner.scoreAndDivergence(...args);
      },
    };
    const { evaluations } = await odeLikelihood(counting, sde, data, options);
    expect(evaluations).toBe(calls);
    // f at the start, a trial step, then six a step.
    expect((evaluations - 2) % 6).toBe(0);
  });

  it("does not change its inputs", async () => {
    const [before, probeBefore] = [data.slice(), probe.slice()];
    await odeLikelihood(gaussianScore(gaussian, sde), sde, data, options);
    expect([data, probe]).toEqual([before, probeBefore]);
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    let last = 0;
    const onEvaluation = (n: number) => {
      last = n;
      if (n === 5) controller.abort(new Error("stop"));
    };
    const promise = odeLikelihood(gaussianScore(gaussian, sde), sde, data, {
      ...options,
      onEvaluation,
      signal: controller.signal,
    });
    await expect(promise).rejects.toThrow("stop");
    expect(last).toBe(5);
  });

  it("refuses data and probes that do not fit", async () => {
    const score = gaussianScore(gaussian, sde);
    await expect(odeLikelihood(score, sde, data.subarray(1), options)).rejects.toThrow(/examples of shape \[3\]/);
    await expect(odeLikelihood(score, sde, data, { ...options, probe: probe.subarray(3) })).rejects.toThrow(/probe/);
  });
});

describe("Hutchinson's estimate", () => {
  const [, sde] = SDES[0]!;
  const score = gaussianScore(gaussian, sde);
  const t = 0.3;
  const trace = -diffused(sde, t).std.reduce((sum, s) => sum + s ** -2, 0);
  const estimate = (probe: Float32Array) =>
    score.scoreAndDivergence(new Float32Array(probe.length), new Float64Array(probe.length / DIMS).fill(t), probe)
      .divergence;

  it("is exact for Rademacher probes on a diagonal field", () => {
    expect(estimate(rademacher(4 * DIMS, 7))).toBeAllclose(new Array(4).fill(trace), { rtol: 1e-12 });
  });

  it("is unbiased for normal probes", () => {
    const { mean, error } = meanAndError(estimate(normal(4000 * DIMS, 8)));
    expect(Math.abs(mean - trace)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.02 * Math.abs(trace));
  });

  it("gives an unbiased likelihood on a linear field that mixes dimensions", async () => {
    // Score -A x with A = [[2, 1], [1, 3]]: the flow's divergence is D a + g^2 / 2 trace(A), whatever the probe draws.
    const mixing: ExactScore = {
      shape: [2],
      score: (x) => x.map((_, i) => (i % 2 ? -x[i - 1]! - 3 * x[i]! : -2 * x[i]! - x[i + 1]!)),
      scoreAndDivergence(x, t, probe) {
        const product = mixing.score(probe, t);
        const divergence = Float64Array.from(
          t,
          (_, b) => product[2 * b]! * probe[2 * b]! + product[2 * b + 1]! * probe[2 * b + 1]!,
        );
        return { score: mixing.score(x, t), divergence };
      },
    };
    const gentle = vpSDE({ betaMin: 0.1, betaMax: 1, N: 1000 });
    const copies = 400;
    const point = new Float32Array(2 * copies).map((_, i) => (i % 2 ? -0.2 : 0.5));
    const { logp, latent } = await odeLikelihood(mixing, gentle, point, {
      eps: 1e-3,
      rtol: 1e-5,
      atol: 1e-5,
      probe: rademacher(point.length, 9),
    });
    const B1 = 0.5 * (0.1 + 1) - (0.1 * 1e-3 + 0.5 * 0.9 * 1e-6);
    const exact = gaussianLogDensity(latent.subarray(0, 2), [0, 0], 1)[0]! + 0.5 * B1 * (5 - 2);
    const { mean, error } = meanAndError(logp);
    expect(error).toBeGreaterThan(0);
    expect(Math.abs(mean - exact)).toBeLessThan(4 * error);
  });
});
