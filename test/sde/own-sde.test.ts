import { expect, it } from "vitest";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { pcSample, seededNoise } from "../../src/sampling/pc-sampler.ts";
import { discrete } from "../../src/sde/discrete.ts";
import { eulerMaruyama } from "../../src/sde/euler-maruyama.ts";
import { gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { DIMS, draws, gaussian, meanAndError, normal } from "../likelihood/gaussian.ts";

/** Variance preserving with alpha_t = cos(pi t / 2), by the required members alone. */
function cosine(N: number): SDE {
  const angle = (t: number) => (Math.PI / 2) * t;
  const driftCoeff = (t: number) => (-Math.PI / 2) * Math.tan(angle(t));
  const diffusion = (t: number) => Math.sqrt(-2 * driftCoeff(t));
  const std = (t: number) => Math.sin(angle(t));
  return {
    ...{ name: "cosine", T: 0.99, N, priorStd: 1, driftCoeff, diffusion, std },
    meanCoeff: (t) => Math.cos(angle(t)),
    discretize: eulerMaruyama(driftCoeff, diffusion, N),
    timeCondition: (t) => 999 * t,
    scoreScale: (t) => -1 / std(t),
  };
}

it("gives the exact likelihood", async () => {
  const [sde, data] = [cosine(1000), draws(8, 1)];
  const probe = new Float32Array(data.length).fill(1);
  const options = { eps: 1e-5, probe, rtol: 1e-6, atol: 1e-6, stepControl: "batch" as const };
  const { logp } = await odeLikelihood(gaussianScore(gaussian, sde), sde, data, options);
  const exact = gaussianLogDensity(data, gaussian.mean, gaussian.std);
  logp.forEach((value, i) => expect(value).toBeCloseTo(exact[i]!, 1));
});

it("samples by every part that needs no optional member, and names the one that another needs", async () => {
  const sde = cosine(500);
  const latent = normal(2000 * DIMS, 1);
  const sample = (predictor: "reverse_diffusion" | "ancestral_sampling") =>
    pcSample(gaussianScore(gaussian, sde), sde, latent, {
      ...{ eps: 1e-3, predictor, corrector: "none", snr: 0.16, nSteps: 1, probabilityFlow: false, denoise: true },
      noise: seededNoise(latent.length, 2),
    });
  const { samples } = await sample("reverse_diffusion");
  const { mean, error } = meanAndError(samples.filter((_, i) => i % DIMS === 1));
  expect(Math.abs(mean - gaussian.mean[1])).toBeLessThan(4 * error + 0.05);
  await expect(sample("ancestral_sampling")).rejects.toThrow(/`ancestral`, which cosine does not have/);
  expect(() => discrete(sde)).toThrow(/cosine SDE supports only continuous times/);
});
