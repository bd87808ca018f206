import { describe, expect, it } from "vitest";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { denoiseStep, odeSample } from "../../src/sampling/ode-sampler.ts";
import { reverseDrift, reverseStep } from "../../src/sde/reverse.ts";
import "../golden/allclose.ts";
import { flow, gaussian, normal, SDES } from "../likelihood/gaussian.ts";

describe.each(SDES)("odeSample of a Gaussian under %s", (_, sde, eps) => {
  const score = gaussianScore(gaussian, sde);
  const latent = normal(8 * 3, 1).map((z) => z * sde.priorStd);

  it("ends where the exact flow does", async () => {
    const options = { eps, rtol: 1e-6, atol: 1e-6, denoise: false };
    const { samples, evaluations } = await odeSample(score, sde, latent, options);
    expect(samples).toBeAllclose(flow(sde, latent, sde.T, eps), { rtol: 1e-4, atol: 1e-4 });
    expect((evaluations - 2) % 6).toBe(0);
  });

  it("denoises by one step of the reverse diffusion", async () => {
    const options = { eps, rtol: 1e-5, atol: 1e-5 };
    const noisy = await odeSample(score, sde, latent, { ...options, denoise: false });
    const clean = await odeSample(score, sde, latent, { ...options, denoise: true });
    expect(clean.evaluations).toBe(noisy.evaluations);
    const { f, G } = sde.discretize(eps);
    const s = score.score(noisy.samples, new Float64Array(8).fill(eps));
    const expected = noisy.samples.map((x, i) => x - f * x + G ** 2 * s[i]!);
    expect(clean.samples).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-7 });
    expect(await denoiseStep(score, sde, noisy.samples, eps)).toEqual(clean.samples);
  });

  it("has half of the reverse SDE's score term and no noise", () => {
    for (const of of [reverseDrift, reverseStep]) {
      const [diffusion, ode] = [of(sde, 0.4, { flow: false }), of(sde, 0.4, { flow: true })];
      expect([ode.x, ode.score, ode.noise]).toEqual([diffusion.x, diffusion.score / 2, 0]);
      expect(diffusion.noise ** 2).toBeAllclose(-diffusion.score, { rtol: 1e-12 });
    }
  });
});

describe("odeSample", () => {
  const [, sde, eps] = SDES[0]!;
  const score = gaussianScore(gaussian, sde);

  it("stops when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    const options = { eps, rtol: 1e-5, atol: 1e-5, denoise: true, signal };
    await expect(odeSample(score, sde, normal(6, 1), options)).rejects.toThrow("stop");
  });

  it("refuses a latent that does not fit", async () => {
    const options = { eps, rtol: 1e-5, atol: 1e-5, denoise: true };
    await expect(odeSample(score, sde, normal(7, 1), options)).rejects.toThrow(/7 values/);
    await expect(odeSample(score, sde, normal(0, 1), options)).rejects.toThrow(/0 values/);
  });
});
