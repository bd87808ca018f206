import { describe, expect, it } from "vitest";
import { fillNormal, fillUniform, randomKey } from "../../src/base/random.ts";
import { cellWidth, levelOf, reconstructionNats } from "../../src/likelihood/cells.ts";
import { discreteBound } from "../../src/likelihood/discrete-bound.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { CELLS, middleOf, toyScore, VALUES } from "./discrete-toy.ts";

const beta = { betaMin: 0.1, betaMax: 20, N: 1000 };

describe("the reconstruction of a pixel", () => {
  it.each([0.01, 0.3, 1, 7.8])("is the softmax over its values, %d deviations apart", (step) => {
    for (const level of [0, 3, 128, 255]) {
      for (const z of [-3.2, 0, 0.7]) {
        const parts = Array.from({ length: 256 }, (_, other) => Math.exp(-0.5 * (z + (level - other) * step) ** 2));
        const expected = -Math.log(Math.exp(-0.5 * z * z) / parts.reduce((a, b) => a + b));
        expect(reconstructionNats(level, z, step, 256)).toBeCloseTo(expected, 10);
      }
    }
  });

  it("knows a value by the middle of its cell", () => {
    for (const cells of [CELLS, { levels: 256, centered: false }]) {
      const middle = (value: number) => Math.fround((value + 0.5) * cellWidth(cells) - (cells.centered ? 1 : 0));
      expect([0, 1, 127, 255].map((value) => levelOf(middle(value), cells))).toEqual([0, 1, 127, 255]);
    }
  });
});

/** Mean and standard error of the bound on each value, over `B` examples. */
async function boundOf(sde: SDE, value: number, { eps = 1e-5, importance = true, times = 400 } = {}) {
  const B = 64;
  const normal = (...path: (string | number)[]) => {
    const out = new Float32Array(B);
    fillNormal(randomKey(3, ...path), out);
    return out;
  };
  const draw = (i: number) => {
    const u = new Float64Array(B);
    fillUniform(randomKey(3, "time", i), u);
    const quantile = (u: number) => (i + u) / times;
    const total = importance ? sde.importance!.cumulative(1, eps) : 0;
    const time = (u: number) =>
      importance ? sde.importance!.inverse(quantile(u) * total, eps) : eps + quantile(u) * (1 - eps);
    return { t: u.map(time), noise: normal("noise", i) };
  };
  const data = new Float32Array(B).fill(middleOf(value));
  const options = { eps, times, importance, draw, cells: CELLS, endNoise: normal("end") };
  const nats = await discreteBound(toyScore(sde), sde, data, options);
  const mean = nats.reduce((a, b) => a + b) / B;
  return { mean, error: Math.sqrt(nats.reduce((sum, n) => sum + (n - mean) ** 2, 0) / B / (B - 1)) };
}

describe("the bound on discrete data", () => {
  it.each([
    ["vp", vpSDE(beta), { eps: 1e-5 }],
    ["subvp", subVpSDE(beta), { eps: 1e-4 }],
  ])("by the exact score of %s is -log P of each value", async (_, sde, options) => {
    for (const { value, probability } of VALUES) {
      const { mean, error } = await boundOf(sde, value, options);
      expect(error).toBeLessThan(0.08);
      expect(Math.abs(mean + Math.log(probability))).toBeLessThan(4 * error + 5e-3);
    }
  });

  it("is the same with uniform times, of late ones", async () => {
    const sde = vpSDE(beta);
    const options = { eps: 0.05, times: 1000 };
    const [a, b] = await Promise.all([
      boundOf(sde, 180, options),
      boundOf(sde, 180, { ...options, importance: false }),
    ]);
    expect(Math.abs(a.mean - b.mean)).toBeLessThan(4 * Math.hypot(a.error, b.error));
    // So much noise takes most of the value away.
    expect(a.mean).toBeGreaterThan(-Math.log(0.2) + 0.5);
  });

  it("refuses importance where an SDE has no weight", async () => {
    const sde = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
    const draw = () => ({ t: new Float64Array([0.5]), noise: new Float32Array(1) });
    const options = { eps: 1e-5, times: 1, importance: true, draw, cells: CELLS, endNoise: new Float32Array(1) };
    const bound = discreteBound(toyScore(sde), sde, new Float32Array(1), options);
    await expect(bound).rejects.toThrow("discreteBound: the ve SDE has no importance weight");
  });

  it.each([0, NaN])("refuses %s times, which would leave the integral out", async (times) => {
    const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
    const options = { eps: 1e-2, times, importance: false, draw: () => expect.unreachable(), cells: CELLS };
    const bound = discreteBound(toyScore(sde), sde, new Float32Array(1), { ...options, endNoise: new Float32Array(1) });
    await expect(bound).rejects.toThrow(`discreteBound: times must be at least 1, got ${times}`);
  });
});
