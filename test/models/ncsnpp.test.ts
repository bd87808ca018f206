import type { Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { ncsnpp, type NcsnppConfig } from "../../src/models/ncsnpp.ts";
import { withFourierFeatures } from "../../src/models/layers.ts";
import { initialParameters, layoutOf, unflatten, type ParameterLayout } from "../../src/models/parameters.ts";
import { TINY } from "../streams/fixture.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

/** Output for a batch of two. */
function output(config: NcsnppConfig, seed = 1): { shape: number[]; values: number[] } {
  const model = ncsnpp(config);
  const layout = layoutOf(model.parameters);
  return tf.tidy(() => {
    const parameters = unflatten(layout, tf.tensor1d(initialParameters(layout, seed)));
    const x = normalTensor<Tensor4D>([2, ...model.shape], 3);
    const out = model.apply({ parameters }, x, tf.tensor1d([0.5, 30]));
    return { shape: out.shape, values: values(out) };
  });
}

/** Parameters of the parts, counted by hand. */
const convolution = (C: number, O: number, size = 3) => size * size * C * O + O;
const dense = (I: number, O: number) => I * O + O;
const norm = (C: number) => 2 * C;
const block = (C: number, O: number, embedding: number, shortcut: boolean) =>
  norm(C) +
  convolution(C, O) +
  dense(embedding, O) +
  norm(O) +
  convolution(O, O) +
  (shortcut ? convolution(C, O, 1) : 0);
const attention = (C: number) => norm(C) + 4 * dense(C, C);

describe("Fourier features of the input", () => {
  it("are sines and cosines of 2^n 2 pi x beside x, and their gradient", () => {
    const x = [-1, -0.3, 0.123456, 0.9];
    const [features, slope] = tf.tidy(() => {
      const input = tf.tensor4d(x, [1, 2, 2, 1]);
      const sum = tf.grad((x) => tf.sum(tf.mul(withFourierFeatures(x as Tensor4D, [2, 6]), [0, 1, 0, 0, 1])));
      return [values(withFourierFeatures(input, [2, 6])), values(sum(input))];
    });
    const [low, high] = [2 ** 2 * 2 * Math.PI, 2 ** 6 * 2 * Math.PI];
    x.forEach((v, i) => {
      const value = Math.fround(v);
      const expected = [
        v,
        Math.sin(low * value),
        Math.sin(high * value),
        Math.cos(low * value),
        Math.cos(high * value),
      ];
      expected.forEach((one, j) => expect(features[5 * i + j]).toBeCloseTo(one, 4));
      expect(slope[i]! / high).toBeCloseTo((low * Math.cos(low * value)) / high - Math.sin(high * value), 4);
    });
  });

  it("give the same output as none where the first convolution leaves them out", () => {
    const [plain, more] = [ncsnpp(TINY), ncsnpp({ ...TINY, inputFeatures: [6, 7] })];
    const [from, to] = [plain, more].map(({ parameters }) => layoutOf(parameters)) as [
      ParameterLayout,
      ParameterLayout,
    ];
    expect(to.count - from.count).toBe(3 * 3 * 4 * TINY.channels * TINY.nf);
    const given = initialParameters(from, 1);
    const padded = new Float32Array(to.length);
    for (const slot of to.slots) {
      const same = from.slots.find(({ name }) => name === slot.name)!;
      const [taps, outputs] = [9, TINY.nf];
      const [I, O] = [same.size / taps / outputs, slot.size / taps / outputs];
      const first = same.size !== slot.size;
      for (let i = 0; i < same.size; i++) {
        const tap = Math.floor(i / (I * outputs));
        padded[slot.offset + (first ? i + tap * (O - I) * outputs : i)] = given[same.offset + i]!;
      }
    }
    const out = (model: typeof plain, layout: ParameterLayout, flat: Float32Array) =>
      tf.tidy(() => {
        const x = normalTensor<Tensor4D>([2, ...model.shape], 3);
        return values(model.apply({ parameters: unflatten(layout, tf.tensor1d(flat)) }, x, tf.tensor1d([0.5, 30])));
      });
    const [a, b] = [out(plain, from, given), out(more, to, padded)];
    a.forEach((value, i) => expect(b[i]).toBeCloseTo(value, 5));
    expect(out(more, to, initialParameters(to, 1))).not.toEqual(a);
  });
});

describe("ncsnpp", () => {
  it("has as many parameters as the parts it is made of", () => {
    const { count } = layoutOf(ncsnpp(TINY).parameters);
    const same = block(4, 4, 16, false);
    const resampling = block(4, 4, 16, true);
    const fromSkip = block(8, 4, 16, true);
    const embedding = dense(4, 16) + dense(16, 16);
    const down = convolution(1, 4) + same + resampling + same + attention(4);
    const middle = same + attention(4) + same;
    const up = 2 * fromSkip + attention(4) + resampling + 2 * fromSkip;
    expect(count).toBe(embedding + down + middle + up + norm(4) + convolution(4, 1));
  });

  it("names parameters as flax does, sorted as jax sorts", () => {
    const names = ncsnpp(TINY).parameters.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(0, 3)).toEqual([
      "AttnBlockpp_0/GroupNorm_0/bias",
      "AttnBlockpp_0/GroupNorm_0/scale",
      "AttnBlockpp_0/NIN_0/W",
    ]);
    for (const name of ["Conv_0/kernel", "Conv_1/bias", "Dense_1/kernel", "GroupNorm_0/scale"]) {
      expect(names).toContain(name);
    }
    expect(names).toContain("ResnetBlockBigGANpp_0/Dense_0/kernel");
    expect(names).toContain("ResnetBlockBigGANpp_1/Conv_2/kernel");
  });

  const variants: [string, Partial<NcsnppConfig>][] = [
    ["as it is", {}],
    ["FIR", { fir: true }],
    ["DDPM blocks", { resblockType: "ddpm" }],
    ["DDPM blocks, FIR", { resblockType: "ddpm", fir: true }],
    ["DDPM blocks without resampling convolutions", { resblockType: "ddpm", resampWithConv: false }],
    ["output skip", { progressive: "output_skip" }],
    ["output residual", { progressive: "residual" }],
    ["input skip, sum", { progressiveInput: "input_skip" }],
    ["input skip, cat", { progressiveInput: "input_skip", progressiveCombine: "cat" }],
    ["input residual", { progressiveInput: "residual", fir: true }],
    ["Fourier embedding", { embeddingType: "fourier", logCondition: true, scaleBySigma: true }],
    ["unconditional", { conditional: false }],
    ["not centred", { centered: false }],
    ["no rescaling, more levels", { skipRescale: false, chMult: [1, 2, 2] }],
    ["elu", { nonlinearity: "elu" }],
    ["colour", { channels: 3 }],
  ];
  it.each(variants)("maps images to images: %s", async (_, over) => {
    await expectNoLeak(() => {
      const config = { ...TINY, ...over };
      const { shape, values } = output(config);
      expect(shape).toEqual([2, 8, 8, config.channels]);
      expect(values.every(Number.isFinite)).toBe(true);
      expect(values.some((v) => Math.abs(v) > 1e-3)).toBe(true);
    });
  });

  it("depends on time if it is conditional, and only then", () => {
    const model = (conditional: boolean) => {
      const { apply, parameters } = ncsnpp({ ...TINY, conditional });
      const layout = layoutOf(parameters);
      return tf.tidy(() => {
        const named = unflatten(layout, tf.tensor1d(initialParameters(layout, 1)));
        const x = normalTensor<Tensor4D>([1, 8, 8, 1], 3);
        return [1, 500].map((t) => values(apply({ parameters: named }, x, tf.tensor1d([t]))));
      });
    };
    const [a, b] = model(true);
    expect(a).not.toEqual(b);
    const [c, d] = model(false);
    expect(c).toEqual(d);
  });

  it("starts near zero with initScale 0", () => {
    expect(Math.max(...output({ ...TINY, initScale: 0 }).values.map(Math.abs))).toBeLessThan(1e-3);
  });

  const refused: [Partial<NcsnppConfig>, RegExp][] = [
    [{ imageSize: 6, chMult: [1, 1, 1] }, /model.chMult: 3 levels need images divisible by 4/],
    [{ nf: 6 }, /model.nf: GroupNorm needs a multiple of 4, got 6/],
    [{ logCondition: true }, /model.embeddingType: the VE SDE needs the fourier embedding/],
    [{ scaleBySigma: true }, /model.scaleBySigma: works with the fourier embedding only/],
  ];
  it.each(refused)("refuses %o", (over, message) => {
    expect(() => ncsnpp({ ...TINY, ...over })).toThrow(message);
  });

  it("names a parameter that is missing", () => {
    tf.tidy(() => {
      const model = ncsnpp(TINY);
      const run = () => model.apply({ parameters: {} }, tf.zeros([1, 8, 8, 1]), tf.tensor1d([1]));
      expect(run).toThrow(/parameter "Dense_0\/kernel" is missing/);
    });
  });
});
