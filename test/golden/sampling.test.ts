import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { denoiseStep, odeSample } from "../../src/sampling/ode-sampler.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, largestSensitivity, type GoldenCase } from "./golden.ts";
import { referredNetwork, sdeOf } from "./reference-config.ts";
import { evaluations, networkOutput } from "./tolerances.ts";

/** Samples after the inverse of the data's scaling. */
const unscale = (golden: GoldenCase, x: Float32Array) => (golden.config.centered ? x.map((v) => (v + 1) / 2) : x);

describeFamily("sampling", (cases) => {
  for (const golden of cases.filter(({ config }) => !config.predictor)) {
    it(`${golden.name}: the probability flow ODE's samples`, { timeout: 120_000 }, async () => {
      const { sde: config, eps, rtol, atol, denoise } = golden.config;
      const sde = sdeOf(config.name, config, { reference: true });
      const { network, parameters } = referredNetwork(golden);
      const uploaded = tf.tensor1d(parameters);
      try {
        const score = network.scoreFunction(uploaded, sde);
        const latent = golden.f32("z").map((z) => z * sde.priorStd);
        const flow = await odeSample(score, sde, latent, { eps, rtol, atol, denoise: false });
        // Each case was perturbed once, and the changes differ by as much from draw to draw.
        const tolerance = { atol: 3 * largestSensitivity(golden.family, "max_abs_change_x") };
        // The golden state is in the scale of the data, the golden samples in [0, 1], and so is the sensitivity.
        const stretch = golden.config.centered ? 2 : 1;
        expect(flow.samples).toBeAllclose(golden.numbers("x_eps"), { atol: stretch * tolerance.atol });
        expect(Math.abs(flow.evaluations - golden.number("nfe"))).toBeLessThanOrEqual(3 * evaluations());
        const samples = denoise ? await denoiseStep(score, sde, flow.samples, eps) : flow.samples;
        expect(unscale(golden, samples)).toBeAllclose(golden.f32("x"), tolerance);

        // From the reference's own end of the flow, the last step has no solver in it.
        const end = Float32Array.from(golden.numbers("x_eps"));
        const last = unscale(golden, denoise ? await denoiseStep(score, sde, end, eps) : end);
        expect(last).toBeAllclose(golden.f32("x"), { atol: networkOutput() * maxAbs(golden.f32("x")) });
      } finally {
        uploaded.dispose();
        network.dispose();
      }
    });
  }
});
