import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { pcSample, type PcNoise } from "../../src/sampling/pc-sampler.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";
import { referredNetwork, sdeOf } from "./reference-config.ts";
import { networkOutput } from "./tolerances.ts";

/** The case's noise, which has a row of draws for each step. */
function storedNoise(golden: GoldenCase): PcNoise {
  return (purpose, step, repeat) => {
    const all = golden.f32(`${purpose}_noise`);
    const [, repeats, ...shape] = golden.shape(`${purpose}_noise`) as [number, number, ...number[]];
    const size = shape.reduce((a, b) => a * b, 1);
    const at = (step * repeats + repeat) * size;
    return all.subarray(at, at + size);
  };
}

describeFamily("sampling", (cases) => {
  for (const golden of cases.filter(({ config }) => config.predictor)) {
    it(`${golden.name}: predictor-corrector samples`, { timeout: 120_000 }, async () => {
      const { sde: config, eps, predictor, corrector, snr, denoise, centered } = golden.config;
      const { n_steps: nSteps, probability_flow: probabilityFlow } = golden.config;
      const sde = sdeOf(config.name, config, { reference: true });
      const { network, parameters } = referredNetwork(golden);
      const uploaded = tf.tensor1d(parameters);
      try {
        const score = network.scoreFunction(uploaded, sde);
        const latent = golden.f32("z").map((z) => z * sde.priorStd);
        const noise = storedNoise(golden);
        const options = { eps, predictor, corrector, snr, nSteps, probabilityFlow, denoise, noise };
        const { samples, evaluations } = await pcSample(score, sde, latent, options);
        const unscaled = centered ? samples.map((value) => (value + 1) / 2) : samples;
        expect(unscaled).toBeAllclose(golden.f32("x"), { atol: networkOutput() * maxAbs(golden.f32("x")) });
        // The reference counts an evaluation for each half of a step, whether or not the half does anything.
        const idle = sde.N * ((corrector === "none" ? nSteps : 0) + (predictor === "none" ? 1 : 0));
        expect(evaluations + idle).toBe(golden.number("nfe"));
      } finally {
        uploaded.dispose();
        network.dispose();
      }
    });
  }
});
