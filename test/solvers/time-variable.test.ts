import { describe, expect, it } from "vitest";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { odeSample } from "../../src/sampling/ode-sampler.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import type { BatchDerivative } from "../../src/solvers/batch-derivative.ts";
import { rk45Batch } from "../../src/solvers/rk45-batch.ts";
import { inSquareRoot } from "../../src/solvers/time-variable.ts";
import "../golden/allclose.ts";
import { draws, flow, gaussian, normal, SDES } from "../likelihood/gaussian.ts";

const tolerances = { rtol: 1e-6, atol: 1e-6 };

describe("inSquareRoot", () => {
  it("is the chain rule: 2 s f(s^2, y), for each example at its own time", async () => {
    const f: BatchDerivative = (_, t, y, out) => {
      t.forEach((time, k) => [0, 1].forEach((i) => (out[2 * k + i] = time * y[2 * k + i]!)));
    };
    const out = new Float64Array(4);
    await inSquareRoot(f)(Int32Array.of(0, 1), Float64Array.of(0.5, 2), Float64Array.of(1, 2, 3, 4), out);
    expect([...out]).toEqual([0.25, 0.5, 48, 64]);
  });

  // y = sqrt(t) + c: its slope is infinite at 0.
  const root: BatchDerivative = (_, t, _y, out) => t.forEach((time, k) => (out[k] = 0.5 / Math.sqrt(time)));
  it.each(["batch", "image"] as const)(
    "finds the same end in fewer evaluations, steps of a %s",
    async (stepControl) => {
      const start = Float64Array.of(1, 5);
      const solve = (timeVariable: "t" | "sqrt") =>
        rk45Batch(root, 1e-6, 1, start, 2, { ...tolerances, stepControl, timeVariable });
      const [t, sqrt] = [await solve("t"), await solve("sqrt")];
      expect(sqrt.y).toBeAllclose([1.999, 5.999], { atol: 1e-6 });
      expect(t.y).toBeAllclose([1.999, 5.999], { atol: 1e-3 });
      expect(sqrt.evaluations).toBeLessThan(t.evaluations / 2);
      const back = await rk45Batch(root, 1, 1e-6, sqrt.y, 2, { ...tolerances, stepControl, timeVariable: "sqrt" });
      expect(back.y).toBeAllclose([1, 5], { atol: 1e-6 });
    },
  );

  it("tells the times themselves, and hands on the signal", async () => {
    const times: number[] = [];
    const onEvaluation = (_: number, t: number) => times.push(t);
    await rk45Batch(root, 0.04, 1, Float64Array.of(1), 1, { ...tolerances, timeVariable: "sqrt", onEvaluation });
    expect(times[0]).toBeCloseTo(0.04, 12);
    expect(Math.max(...times)).toBeCloseTo(1, 12);
    const signal = AbortSignal.abort(new Error("stop"));
    const stopped = rk45Batch(root, 0.04, 1, Float64Array.of(1), 1, { ...tolerances, timeVariable: "sqrt", signal });
    await expect(stopped).rejects.toThrow("stop");
  });
});

describe.each(SDES)("steps in the square root of t under %s", (_, sde, eps) => {
  const score = gaussianScore(gaussian, sde);
  const options = { eps, rtol: 1e-8, atol: 1e-8 } as const;

  it("give the likelihood of steps in t, and latents that the flow is known to take the data to", async () => {
    const data = draws(5, 1);
    const probe = Float32Array.from(normal(data.length, 2), Math.sign);
    const [t, sqrt] = [
      await odeLikelihood(score, sde, data, { ...options, probe }),
      await odeLikelihood(score, sde, data, { ...options, probe, timeVariable: "sqrt" }),
    ];
    expect(sqrt.logp).toBeAllclose(t.logp, { atol: 1e-4 });
    expect(sqrt.logp).not.toEqual(t.logp);
    expect(sqrt.latent).toBeAllclose(flow(sde, data, eps, sde.T), { rtol: 1e-5, atol: 1e-4 });
  });

  it("give the samples that the flow is known to come to", async () => {
    const latent = normal(15, 3).map((z) => z * sde.priorStd);
    const { samples } = await odeSample(score, sde, latent, { ...options, timeVariable: "sqrt", denoise: false });
    expect(samples).toBeAllclose(flow(sde, latent, sde.T, eps), { rtol: 1e-4, atol: 1e-3 });
  });
});
