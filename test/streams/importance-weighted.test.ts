/** Noise of each kind on a pixel whose probabilities are known. */
import { lastValueFrom, map, of, pipe, type OperatorFunction } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats, withColumns, type Batch } from "../../src/data/batch.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { bitsPerDim } from "../../src/streams/bits-per-dim.ts";
import { dequantize, type DensityKind, type NoiseAt } from "../../src/streams/dequantize.ts";
import { importanceWeighted } from "../../src/streams/importance-weighted.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { CELLS, diffused, toyScore } from "../likelihood/discrete-toy.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
const atTime = (eps: number) => ({ alpha: sde.meanCoeff(eps), sigma: sde.std(eps) });
const N = 4000;
/** Pixels of the value 180, whose probability is 0.2. */
const known = -Math.log2(0.2);
const batchOf = (size: number) =>
  createBatch(
    { image: { data: new Uint8Array(size).fill(180), shape: [1, 1, 1] } },
    { step: 0, shard: 0, shards: 1, firstSample: 0 },
  );

/** log p by the closed form. */
const exact = ({ alpha, sigma }: NoiseAt) =>
  map((batch: Batch<"data" | "logQ">) => {
    const logp = floats(batch, "data").data.map((x) => diffused(x, alpha, sigma).logDensity);
    return withColumns(batch, { logp: { data: logp, shape: [] } });
  });
/** A dequantizer that is no better than uniform noise: u = the normal distribution function, by its logistic likeness. */
const draw = (noise: Float32Array) => {
  const u = noise.map((z) => 1 / (1 + Math.exp(-1.6 * z)));
  const logQ = Float32Array.from(noise, (z, i) => -0.5 * z * z - Math.log(1.6 * u[i]! * (1 - u[i]!)) - 0.5 * Math.log(2 * Math.PI)); // prettier-ignore
  return { u, negLogQ: logQ.map((value) => -value) };
};

async function bits(
  kind: DensityKind,
  samples: number,
  size = N,
  eps = 1e-5,
): Promise<{ mean: number; spread: number }> {
  const at = atTime(eps);
  const measure = (sample: number): OperatorFunction<Batch<"image">, Batch<"data" | "bpd">> =>
    pipe(dequantize<"image">(kind, { seed: 1, centered: true, draw, at, sample }), exact(at), bitsPerDim(CELLS));
  const out = await lastValueFrom(of(batchOf(size)).pipe(importanceWeighted<"image">(samples, measure)));
  const values = [...floats(out, "bpd").data];
  const mean = values.reduce((a, b) => a + b) / size;
  return { mean, spread: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size) };
}

describe("importance-weighted bits/dim", () => {
  it.each(["uniform", "variational"] as const)(
    "fall with the draws of %s noise to those of the pixel",
    async (kind) => {
      const found = [];
      for (const samples of [1, 4, 16, 64]) found.push((await bits(kind, samples, samples === 64 ? 1000 : N)).mean);
      for (let i = 1; i < found.length; i++) expect(found[i]!).toBeLessThan(found[i - 1]! - 0.01);
      expect(found.at(-1)).toBeGreaterThan(known - 0.01);
      expect(found.at(-1)! - known).toBeLessThan(0.05);
      expect(found[0]! - known).toBeGreaterThan(0.3);
    },
  );

  it.each([1e-5, 1e-4])("of truncated noise are those of the pixel by one draw already, from %d on", async (eps) => {
    const { mean, spread } = await bits("truncated", 1, N, eps);
    expect(mean - known - bitsInCell(eps)).toBeCloseTo(0, 3);
    expect(spread).toBeLessThan(1e-3);
    expect((await bits("truncated", 4, 100, eps)).mean).toBeCloseTo(mean, 4);
  });

  it("are the same by the ODE of the exact score", async () => {
    const eps = 1e-4;
    const options = { eps, rtol: 1e-6, atol: 1e-6, stepControl: "image", hutchinson: "rademacher", seed: 1 } as const;
    const noisy = of(batchOf(6)).pipe(dequantize<"image">("truncated", { seed: 1, centered: true, at: atTime(eps) }));
    const score = { ...toyScore(sde), shape: [1, 1, 1] };
    const out = await lastValueFrom(noisy.pipe(logLikelihood<"logQ">(score, sde, options), bitsPerDim(CELLS)));
    for (const value of floats(out, "bpd").data) expect(value - known - bitsInCell(eps)).toBeCloseTo(0, 2);
  });

  it("are those of the likeliest draw where it outweighs the others by more than numbers hold, in any place", async () => {
    const dims = 3000;
    const drawn = [8, 3, 3, 9];
    const measure = (sample: number) =>
      map((batch: Batch<"data">) => withColumns(batch, { bpd: { data: Float32Array.of(drawn[sample]!), shape: [] } }));
    const batch = createBatch(
      { data: { data: new Float32Array(dims), shape: [dims] } },
      { step: 0, shard: 0, shards: 1, firstSample: 0 },
    );
    const bitsOf = async (samples: number) =>
      floats(await lastValueFrom(of(batch).pipe(importanceWeighted(samples, measure))), "bpd").data[0]!;
    // The mean of 2 ** -(3000 * 3) over four draws of which two have it.
    expect(await bitsOf(4)).toBeCloseTo(3 + 1 / dims, 6);
    expect(await bitsOf(1)).toBe(8);
  });

  it("refuse no draw", () => {
    const usual = () => map((batch: Batch<"data" | "bpd">) => batch);
    expect(() => importanceWeighted(0, usual)).toThrow("samples must be a positive integer, got 0");
  });
});

/** -log2 of the mass of the noise at eps that stays within the cell, by the middles of many parts. */
function bitsInCell(eps: number): number {
  const { alpha, sigma } = atTime(eps);
  const [parts, limit] = [10_000, alpha / 256 / sigma];
  let sum = 0;
  for (let i = 0; i < parts; i++) sum += Math.exp(-0.5 * (((2 * i + 1) / parts - 1) * limit) ** 2);
  return -Math.log2((sum * 2 * limit) / parts / Math.sqrt(2 * Math.PI));
}
