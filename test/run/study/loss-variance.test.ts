import { describe, expect, it } from "vitest";
import { loadedImages } from "../../../src/data/dataset.ts";
import { fillNormal, fillUniform, randomKey } from "../../../src/base/random.ts";
import { drawTime } from "../../../src/sde/draw-time.ts";
import { vpSDE } from "../../../src/sde/vp.ts";
import type { ScoreFunction } from "../../../src/sde/score-function.ts";
import { drawLosses, lossEstimates, variance } from "../../../src/run/study/loss-variance.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
const eps = 1e-3;
const N = 20_000;

/** Estimates of a score that is wrong by a factor of (1 - c), on noise of two dimensions. */
function estimates(density: "uniform" | "likelihood", c: number) {
  const u = new Float32Array(N);
  fillUniform(randomKey(1, "time", 0), u);
  const t = Float32Array.from(u, drawTime("test", sde, { eps, density }));
  const noise = new Float32Array(2 * N);
  fillNormal(randomKey(1, "noise", 0), noise);
  const score = noise.map((z, i) => (-c * z) / sde.std(t[Math.floor(i / 2)]!));
  return lossEstimates(sde, density, eps, { t, noise, score });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("lossEstimates", () => {
  it("estimate the same integral by both densities, importance sampling with less variance", () => {
    // E|(1 - c) z|^2 is (1 - c)^2 a dimension: the integral is half of Lambda times that.
    const exact = (0.5 * sde.importance!.cumulative(1, eps) * 0.25) / Math.LN2;
    const [uniform, importance] = [estimates("uniform", 0.5), estimates("likelihood", 0.5)];
    expect(mean(importance) / exact).toBeCloseTo(1, 1);
    expect(Math.abs(mean(uniform) - exact)).toBeLessThan(4 * Math.sqrt(variance(uniform) / N));
    expect(variance(uniform) / variance(importance)).toBeGreaterThan(5);
  });

  it("are zero for the score that undoes the noise", () => {
    expect(Math.max(...estimates("uniform", 1))).toBeLessThan(1e-9);
  });
});

describe("drawLosses", () => {
  const data = loadedImages({ name: "four", split: "train", shape: [2, 2, 1], images: Uint8Array.from({ length: 16 }, (_, i) => 16 * i) }); // prettier-ignore
  const score: ScoreFunction = { shape: [2, 2, 1], score: (x) => x.map((v) => -v), scoreAndDivergence: () => Promise.reject(new Error()) }; // prettier-ignore
  const options = { draws: 10, batchSize: 3, eps, seed: 5, centered: true, signal: new AbortController().signal };

  it("draws as many as asked for, with fresh noise in each pass, the same each time", async () => {
    const first = await drawLosses({ score, sde }, data, "likelihood", options);
    expect(first.losses).toHaveLength(10);
    expect(new Set(first.times).size).toBe(10);
    expect(await drawLosses({ score, sde }, data, "likelihood", options)).toEqual(first);
    expect(await drawLosses({ score, sde }, data, "uniform", options)).not.toEqual(first);
  });

  it("ends with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(drawLosses({ score, sde }, data, "uniform", { ...options, signal })).rejects.toThrow("enough");
  });
});
