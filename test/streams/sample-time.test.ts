import { from, lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { drawTime } from "../../src/sde/draw-time.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { expectInStep } from "../support/marbles.ts";
import { imageBatch, sde } from "./fixture.ts";

const eps = 1e-3;
const subVP = subVpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });

const times = async (process: SDE, importance: boolean, { seed = 5, size = 20_000, step = 0, shard = 0 } = {}) =>
  floats(
    await lastValueFrom(
      of(imageBatch(size, { step, shard }, [1])).pipe(
        sampleTime(process, { eps, density: importance ? "likelihood" : "uniform", seed }),
      ),
    ),
    "t",
  ).data;

/** Kolmogorov's distance between a sample and a distribution function, times sqrt(n). */
function kolmogorov(sample: Float32Array, cdf: (t: number) => number): number {
  const sorted = sample.toSorted();
  const n = sorted.length;
  const distance = sorted.reduce((d, t, i) => Math.max(d, Math.abs(cdf(t) - i / n), Math.abs(cdf(t) - (i + 1) / n)), 0);
  return distance * Math.sqrt(n);
}

describe("sampleTime", () => {
  it("draws uniform times in [eps, T]", async () => {
    const t = await times(sde, false);
    expect(t.every((v) => v >= Math.fround(eps) && v <= 1)).toBe(true);
    expect(kolmogorov(t, (v) => (v - eps) / (1 - eps))).toBeLessThan(1.95); // p = 1e-3
  });

  it.each([
    ["VP", sde],
    ["subVP", subVP],
  ])("draws times by the importance weight of %s", async (_, process) => {
    const t = await times(process, true);
    expect(t.every((v) => v >= Math.fround(eps) && v <= 1)).toBe(true);
    // The density by quadrature, not by the closed form that draws: the integral of g^2 / sigma^2 on a log grid.
    const grid = Array.from({ length: 4001 }, (_, i) => eps ** (1 - i / 4000));
    const weight = (v: number) => (process.diffusion(v) / process.std(v)) ** 2;
    const sums = [0];
    for (let i = 1; i < grid.length; i++) {
      const [a, b] = [grid[i - 1]!, grid[i]!];
      sums.push(sums[i - 1]! + ((weight(a) + weight(b)) / 2) * (b - a));
    }
    const cdf = (v: number) => {
      const position = Math.min(Math.max(4000 * (1 - Math.log(v) / Math.log(eps)), 0), 3999);
      const i = Math.floor(position);
      return (sums[i]! + (position - i) * (sums[i + 1]! - sums[i]!)) / sums.at(-1)!;
    };
    expect(kolmogorov(t, cdf)).toBeLessThan(1.95);
    expect(kolmogorov(t, (v) => v)).toBeGreaterThan(10); // Far from uniform.
  });

  it("spreads the times of a step evenly over all its shards", async () => {
    const [shards, size] = [4, 5];
    const draw = async (seed: number, step: number) => {
      const operator = sampleTime<"image">(sde, { eps, density: "velocity", stratified: true, seed });
      const batches = Array.from({ length: shards }, (_, shard) => imageBatch(size, { step, shard, shards }, [1]));
      const out = await lastValueFrom(from(batches).pipe(operator, toArray()));
      return out.flatMap((batch) => [...floats(batch, "t").data]);
    };
    const one = async (seed: number, step: number) => {
      const operator = sampleTime<"image">(sde, { eps, density: "velocity", stratified: true, seed });
      const whole = imageBatch(shards * size, { step, shard: 0, shards: 1 }, [1]);
      return [...floats(await lastValueFrom(of(whole).pipe(operator)), "t").data];
    };
    const times = await draw(3, 7);
    expect(await one(3, 7)).toEqual(times);
    // Back to u: one in each of 20 equal parts.
    const time = drawTime("test", sde, { eps, density: "velocity" });
    const [low, high] = [time(0), time(1)].map((t) => Math.log(sde.std(t)));
    const u = times.map((t) => (Math.log(sde.std(t)) - low!) / (high! - low!)).toSorted((a, b) => a - b);
    u.slice(1).forEach((value, i) => expect(value - u[i]!).toBeCloseTo(1 / 20, 4));
    expect(await draw(4, 7)).not.toEqual(times);
    expect(await draw(3, 8)).not.toEqual(times);
  });

  it.each([
    ["eps", 0, Math.fround(eps)],
    ["T", 1.001, 1],
  ])("holds times that rounding takes past %s", async (_, past, bound) => {
    const importance = { cumulative: () => 1, inverse: () => past };
    expect(await times({ ...sde, importance }, true, { size: 2 })).toEqual(Float32Array.of(bound, bound));
  });

  it("draws by seed, step and shard", async () => {
    const size = 4;
    const first = await times(sde, true, { size });
    expect(await times(sde, true, { size })).toEqual(first);
    for (const other of [{ seed: 6 }, { step: 1 }, { shard: 1 }]) {
      expect(await times(sde, true, { size, ...other })).not.toEqual(first);
    }
  });

  it("emits one batch per batch, in the same frame, and passes completion, errors and unsubscription on", () => {
    const operator = () => sampleTime<"image">(sde, { eps, density: "likelihood", seed: 1 });
    const inputs = [imageBatch(2), imageBatch(3)] as const;
    expectInStep(operator, inputs, (batch) => floats(batch, "t").data.length, [2, 3]);
  });

  it.each([[0], [1], [-1], [NaN]])("refuses eps = %d", (eps) => {
    expect(() => sampleTime(sde, { eps, density: "uniform", seed: 1 })).toThrow(
      `sampleTime: eps must lie in (0, 1), got ${eps}`,
    );
  });

  it("refuses importance sampling for an SDE without a weight", () => {
    expect(() => sampleTime(ve, { eps, density: "likelihood", seed: 1 })).toThrow(
      /the ve SDE has no importance weight/,
    );
  });
});
