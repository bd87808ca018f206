import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import type { CorrectorName } from "../../src/sampling/correctors.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { pcSample, samplingTimes, seededNoise, type PcSampleOptions } from "../../src/sampling/pc-sampler.ts";
import { PREDICTORS, type PredictorName } from "../../src/sampling/predictors.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";
import { DIMS, diffused, flow, gaussian, meanAndError, normal } from "../likelihood/gaussian.ts";

const B = 2000;
const beta = (N: number) => ({ betaMin: 0.1, betaMax: 20, N });
const vp = (N: number) => vpSDE(beta(N));
const subVp = (N: number) => subVpSDE(beta(N));
const ve = (N: number) => veSDE({ sigmaMin: 0.01, sigmaMax: 50, N });
const linearVe = (N: number) => linearVeSDE({ sigmaMax: 50, N });

const latentOf = (sde: SDE, n = B, seed = 1) => normal(n * DIMS, seed).map((z) => z * sde.priorStd);

function optionsOf(size: number, more: Partial<PcSampleOptions> = {}): PcSampleOptions {
  return {
    eps: 1e-3,
    predictor: "reverse_diffusion",
    corrector: "none",
    snr: 0.16,
    nSteps: 1,
    probabilityFlow: false,
    denoise: true,
    noise: seededNoise(size, 2),
    ...more,
  };
}

const sampleWith = (sde: SDE, more: Partial<PcSampleOptions> = {}, latent: Float32Array = latentOf(sde)) =>
  pcSample(gaussianScore(gaussian, sde), sde, latent, optionsOf(latent.length, more));

const coordinate = (samples: Float32Array, d: number) => samples.filter((_, i) => i % DIMS === d);

describe("pcSample of a Gaussian", () => {
  // Some hundred steps leave errors of the discretization, the sampling ones are 4 standard errors.
  const DISCRETE = 0.05;
  const cases: [string, SDE, Partial<PcSampleOptions>][] = [
    ["VP, Euler-Maruyama", vp(400), { predictor: "euler_maruyama" }],
    ["VP, reverse diffusion", vp(400), {}],
    ["VP, ancestral", vp(400), { predictor: "ancestral_sampling" }],
    ["VP, reverse diffusion with Langevin", vp(200), { corrector: "langevin" }],
    ["VP, ancestral with annealed Langevin", vp(200), { predictor: "ancestral_sampling", corrector: "ald" }],
    ["subVP, Euler-Maruyama", subVp(400), { predictor: "euler_maruyama", eps: 1e-2 }],
    ["subVP, reverse diffusion with Langevin", subVp(200), { corrector: "langevin", eps: 1e-2 }],
    ["subVP, annealed Langevin, two steps", subVp(200), { corrector: "ald", nSteps: 2, eps: 1e-2 }],
    ["VE, reverse diffusion", ve(400), { eps: 1e-5 }],
    ["VE, ancestral", ve(400), { predictor: "ancestral_sampling", eps: 1e-5 }],
    ["VE, reverse diffusion with Langevin", ve(200), { corrector: "langevin", eps: 1e-5 }],
    ["VE, Euler-Maruyama", ve(1000), { predictor: "euler_maruyama", eps: 1e-5 }],
    ["VE, ancestral with annealed Langevin", ve(200), { predictor: "ancestral_sampling", corrector: "ald", eps: 1e-5 }],
    ["linear VE, ancestral", linearVe(2000), { predictor: "ancestral_sampling" }],
    ["linear VE, ancestral with Langevin", linearVe(1000), { predictor: "ancestral_sampling", corrector: "langevin" }],
  ];

  it.each(cases)("has its mean and deviation: %s", async (_, sde, options) => {
    const { samples } = await sampleWith(sde, options);
    for (let d = 0; d < DIMS; d++) {
      const values = coordinate(samples, d);
      const { mean, error } = meanAndError(values);
      const std = error * Math.sqrt(B);
      expect(Math.abs(mean - gaussian.mean[d]!)).toBeLessThan(4 * error + DISCRETE * gaussian.std[d]!);
      // The standard error of a deviation is std / sqrt(2 B).
      expect(std).toBeAllclose(gaussian.std[d]!, { rtol: 4 / Math.sqrt(2 * B) + DISCRETE });
    }
  });

  it.each([
    ["VP, Euler-Maruyama", vp, { predictor: "euler_maruyama" } as const],
    ["VP, reverse diffusion", vp, {}],
    ["subVP", subVp, {}],
  ])("by the probability flow comes nearer to the exact flow with more steps: %s", async (_, make, options) => {
    const errors = [];
    for (const N of [100, 400]) {
      const sde = make(N);
      const latent = latentOf(sde, 20);
      const noise = () => expect.fail("the flow has no noise");
      const more = { ...options, probabilityFlow: true, noise };
      const { samples } = await sampleWith(sde, more, latent);
      const exact = flow(sde, latent, sde.T, 1e-3);
      errors.push(Math.max(...exact.map((value, i) => Math.abs(value - samples[i]!))));
    }
    expect(errors[1]!).toBeLessThan(errors[0]! / 2);
  });

  it("keeps the distribution at one time with correctors alone", async () => {
    // At T alone, the corrector must turn any start into p_T: here a start twice too wide.
    for (const sde of [vp(1), ve(1)].map((s): SDE => ({ ...s, discretize: () => ({ f: 0, G: 0 }) }))) {
      const options = { predictor: "none", corrector: "ald", snr: 0.1, nSteps: 400 } as const;
      const latent = latentOf(sde).map((z) => 2 * z);
      const { samples } = await sampleWith(sde, options, latent);
      const { std } = diffused(sde, sde.T);
      const received = std.map((_, d) => meanAndError(coordinate(samples, d)).error * Math.sqrt(B));
      expect(received).toBeAllclose(std, { rtol: 0.08 });
    }
  });
});

describe("pcSample", () => {
  const small = (more: Partial<PcSampleOptions> = {}) => sampleWith(vp(30), more, latentOf(vp(30), 4));

  it("is the update of the SDE's discretization, with its noise but for the last", async () => {
    const sde = vp(2);
    const latent = latentOf(subVp(2), 1);
    const stepped = { ...sde, discretize: () => ({ f: -0.1, G: 0.5 }) };
    const score = { ...gaussianScore(gaussian, sde), score: (x: Float32Array) => x.map((v) => -v) };
    const noise = seededNoise(DIMS, 3);
    const z = noise("predictor", 0, 0);
    // x + 0.1 x + 0.25 score + 0.5 z
    const step = (x: number) => 1.1 * x - 0.25 * x;
    const expected = Array.from(latent, (x, i) => step(step(x) + 0.5 * z[i]!));
    const clean = await pcSample(score, stepped, latent, optionsOf(DIMS, { noise }));
    expect(clean.samples).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-7 });
    const noisy = await pcSample(score, stepped, latent, optionsOf(DIMS, { noise, denoise: false }));
    const last = noise("predictor", 1, 0);
    const withNoise = expected.map((x, i) => x + 0.5 * last[i]!);
    expect(noisy.samples).toBeAllclose(withNoise, { rtol: 1e-6, atol: 1e-7 });
  });

  it("takes Langevin's step size from the mean norms of noise and score, and alpha from the SDE", async () => {
    const sde: SDE = { ...vp(1), discretize: () => ({ f: -0.2, G: 0 }) };
    const score = { ...gaussianScore(gaussian, sde), score: (x: Float32Array) => x.map((v) => -3 * v) };
    const x = Float32Array.of(3, 4, 0, 0, 0, 1);
    const z = Float32Array.of(1, 2, 2, 2, -1, 2);
    const options = optionsOf(6, { predictor: "none", corrector: "langevin", snr: 0.5, noise: () => z });
    const { samples } = await pcSample(score, sde, x, options);
    // Norms 3 and 3 of the noise, 15 and 3 of the score: 2 alpha (0.5 * 3 / 9)^2.
    const size = (2 * 0.8 ** 2) / 36;
    const expected = x.map((v, i) => v - 3 * size * v + Math.sqrt(2 * size) * z[i]!);
    expect(samples).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-6 });
  });

  it("counts evaluations and reports each with its time", async () => {
    const counts = async (predictor: PredictorName, corrector: CorrectorName, nSteps: number) => {
      const seen: number[] = [];
      const times: number[] = [];
      const onEvaluation = (n: number, t: number) => void (seen.push(n), times.push(t));
      const { evaluations } = await small({ predictor, corrector, nSteps, onEvaluation });
      expect(seen).toEqual(Array.from({ length: evaluations }, (_, i) => i + 1));
      expect([...new Set(times)]).toEqual([...samplingTimes(vp(30), 1e-3)]);
      return evaluations;
    };
    expect(await counts("reverse_diffusion", "langevin", 2)).toBe(90);
    expect(await counts("euler_maruyama", "none", 2)).toBe(30);
    expect(await counts("none", "ald", 1)).toBe(30);
  });

  it("is a function of the seed, and leaves the latent as it was", async () => {
    const latent = latentOf(vp(30), 4);
    const kept = latent.slice();
    const run = (seed: number) =>
      sampleWith(vp(30), { corrector: "langevin", noise: seededNoise(latent.length, seed, 7) }, latent);
    const [a, b, c] = [await run(1), await run(1), await run(2)];
    expect(a).toEqual(b);
    expect(a.samples).not.toEqual(c.samples);
    expect(latent).toEqual(kept);
  });

  it("draws different noise for every purpose, step, repeat and path", () => {
    const draws = [
      seededNoise(3, 1)("predictor", 0, 0),
      seededNoise(3, 1)("corrector", 0, 0),
      seededNoise(3, 1)("corrector", 0, 1),
      seededNoise(3, 1)("corrector", 1, 0),
      seededNoise(3, 1, 5)("corrector", 0, 0),
      seededNoise(3, 2)("corrector", 0, 0),
    ].map(String);
    expect(new Set(draws).size).toBe(draws.length);
  });

  it("spreads N times evenly over [eps, T]", () => {
    expect(samplingTimes(vp(4), 0.1)).toBeAllclose([1, 0.7, 0.4, 0.1], { atol: 1e-12 });
    expect([...samplingTimes(vp(1), 0.1)]).toEqual([1]);
  });

  it("lets the event loop turn, and stops when it is aborted", async () => {
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error("stop")));
    await expect(small({ signal: controller.signal })).rejects.toThrow("stop");
  });

  it("gives the ancestral step each time with the next, and 0 after the last", async () => {
    const moves: [number, number][] = [];
    const base = linearVe(4);
    const sde: SDE = { ...base, ancestral: (t, next) => (moves.push([t, next]), base.ancestral!(t, next)) };
    await sampleWith(sde, { predictor: "ancestral_sampling", eps: 0.25 }, latentOf(sde, 2));
    expect(moves).toEqual([[1, 0.75], [0.75, 0.5], [0.5, 0.25], [0.25, 0]]); // prettier-ignore
  });

  it("refuses what the SDE does not have", async () => {
    const ancestral = { predictor: "ancestral_sampling" } as const;
    await expect(sampleWith(subVp(20), ancestral)).rejects.toThrow(
      /member `ancestral`, which subvp does not have\n.*remedy/s,
    );
    await expect(small({ ...ancestral, probabilityFlow: true })).rejects.toThrow(/no probability flow/);
    await expect(small({ predictor: "none" })).rejects.toThrow(UsageError);
    await expect(sampleWith(vp(20), {}, latentOf(vp(20), 4))).rejects.toThrow(/20 steps are too few for vp/);
    await expect(sampleWith(subVp(10), { corrector: "ald" })).rejects.toThrow(/10 steps are too few for subvp/);
    await expect(sampleWith(vp(5), { predictor: "euler_maruyama" })).resolves.toBeDefined();
  });

  it("refuses options out of range and data that do not fit", async () => {
    for (const eps of [0, 1, NaN]) await expect(small({ eps })).rejects.toThrow(RangeError);
    for (const nSteps of [0, 1.5]) await expect(small({ nSteps })).rejects.toThrow(/nSteps/);
    for (const snr of [0, NaN, Infinity]) await expect(small({ snr })).rejects.toThrow(/snr/);
    await expect(sampleWith(vp(30), {}, normal(7, 1))).rejects.toThrow(/7 values/);
    await expect(small({ predictor: "euler_maruyama", noise: () => [1] })).rejects.toThrow(/noise has 1 values/);
  });

  it("says where the samples stopped being finite", async () => {
    const sde = vp(30);
    const score = { ...gaussianScore(gaussian, sde), score: (x: Float32Array) => new Float32Array(x.length).fill(NaN) };
    const run = pcSample(score, sde, latentOf(sde, 1), optionsOf(DIMS));
    await expect(run).rejects.toThrow("pcSample: the samples stopped being finite at t = 1");
  });
});

describe("predictors", () => {
  it("agree to first order in the step, for the SDE and for its flow", () => {
    for (const [sde, tolerance] of [
      [vp(100_000), 1e-4],
      [subVp(100_000), 1e-4],
    ] as const) {
      for (const options of [{ flow: false }, { flow: true }]) {
        const [t, next] = [0.5, 0.5 - 1 / sde.N];
        const names = ["euler_maruyama", "reverse_diffusion"] as PredictorName[];
        if (sde.name === "vp" && !options.flow) names.push("ancestral_sampling");
        const moves = names.map((name) => PREDICTORS[name]!(sde, t, next, options));
        for (const { x, score, noise } of moves) {
          expect(x - 1).toBeAllclose(moves[0]!.x - 1, { rtol: tolerance });
          expect(score).toBeAllclose(moves[0]!.score, { rtol: tolerance });
          expect(noise).toBeAllclose(moves[0]!.noise, { rtol: tolerance });
        }
      }
    }
  });

  it("of VE by ancestral sampling has the posterior's deviation and ends at no noise", () => {
    const sde = ve(11);
    const move = PREDICTORS.ancestral_sampling!(sde, 0.5, 0.4, { flow: false });
    const [s2, below2] = [sde.std(0.5) ** 2, sde.std(0.4) ** 2];
    expect(move.score).toBeAllclose(s2 - below2, { rtol: 1e-12 });
    expect(move.noise ** 2).toBeAllclose((below2 * (s2 - below2)) / s2, { rtol: 1e-12 });
    for (const make of [ve, linearVe]) {
      const last = PREDICTORS.ancestral_sampling!(make(11), 1e-3, 0, { flow: false });
      expect(last.noise).toBe(0);
    }
  });
});
