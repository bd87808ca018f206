import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import {
  activate,
  attention,
  dropout,
  fourierEmbedding,
  residual,
  timestepEmbedding,
} from "../../src/models/layers.ts";
import { Scope, type Context } from "../../src/models/scope.ts";
import { largestError, moments } from "../support/numbers.ts";
import { normalTensor, values } from "../support/tensors.ts";

const context = (seed?: [number, number]): Context => ({
  parameters: {},
  dropoutSeed: seed && tf.tensor1d(seed, "int32"),
});

describe("dropout", () => {
  const ones = () => tf.ones<typeof tf.Rank.R4>([1, 100, 100, 1]);

  it("drops the share asked for and scales the rest up, so that the mean stays", () => {
    tf.tidy(() => {
      const y = values(dropout(Scope.root(), 0.3)(context([1, 2]), ones()));
      expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
      // Four standard errors of 10,000 numbers.
      expect(Math.abs(moments(y).mean - 1)).toBeLessThan(4 * Math.sqrt(0.3 / 0.7 / 1e4));
    });
  });

  it("has a mask of its own in every layer", () => {
    tf.tidy(() => {
      const scope = Scope.root();
      const [a, b] = [dropout(scope, 0.5), dropout(scope, 0.5)];
      const seed = context([1, 2]);
      expect(values(a(seed, ones()))).toEqual(values(a(seed, ones())));
      expect(values(a(seed, ones()))).not.toEqual(values(b(seed, ones())));
    });
  });

  it("does nothing in evaluation or at rate 0", () => {
    tf.tidy(() => {
      const x = ones();
      expect(dropout(Scope.root(), 0.3)(context(), x)).toBe(x);
      expect(dropout(Scope.root(), 0)(context([1, 2]), x)).toBe(x);
    });
  });
});

describe("embeddings", () => {
  it("timestepEmbedding: sines, then cosines, of frequencies from 1 to 1/10000", () => {
    tf.tidy(() => {
      const t = [0, 1.5, 999];
      const frequencies = [1, 1e4 ** (-1 / 2), 1e-4];
      const expected = t.flatMap((v) => [
        ...frequencies.map((f) => Math.sin(v * f)),
        ...frequencies.map((f) => Math.cos(v * f)),
      ]);
      // Angles up to 999 rounded to float32.
      expect(largestError(values(timestepEmbedding(tf.tensor1d(t), 6)), expected)).toBeLessThan(1e-4);
      const odd = timestepEmbedding(tf.tensor1d(t), 7);
      expect(odd.shape).toEqual([3, 7]);
      expect(odd.arraySync().map((row) => row[6])).toEqual([0, 0, 0]);
    });
  });

  it("fourierEmbedding: of frequencies that no gradient reaches", () => {
    tf.tidy(() => {
      const W = tf.tensor1d([0.5, -2]);
      const name = "GaussianFourierProjection_0/W";
      const embed = fourierEmbedding(Scope.root(), 2, 16);
      const x = tf.tensor1d([0.1, 0.3]);
      const angles = [0.1, 0.3].map((v) => [0.5, -2].map((w) => 2 * Math.PI * v * w));
      const expected = angles.flatMap((row) => [...row.map(Math.sin), ...row.map(Math.cos)]);
      expect(largestError(values(embed({ parameters: { [name]: W } }, x)), expected)).toBeLessThan(1e-6);
      const gradient = tf.grad((W: Tensor) => tf.sum(embed({ parameters: { [name]: W } }, x)))(W);
      expect(values(gradient)).toEqual([0, 0]);
    });
  });
});

describe("attention", () => {
  it("mixes the pixels of an image by the softmax of scaled products, and adds the image", () => {
    tf.tidy(() => {
      const C = 4;
      const scope = Scope.root();
      const layer = attention(scope, C, 1, true);
      const parameters: Record<string, Tensor> = Object.fromEntries(
        scope.specs().map(({ name, shape }, i) => [name, normalTensor<Tensor>(shape, 10 + i)]),
      );
      const x = normalTensor<Tensor4D>([1, 2, 2, C], 1);
      const part = (name: string) => values(parameters[`AttnBlockpp_0/${name}`]!);
      // From the definition, pixel by pixel.
      const pixels = [0, 1, 2, 3].map((p) => values(x).slice(4 * p, 4 * p + 4));
      const { mean, variance } = moments(pixels.flat());
      const [scale, bias] = [part("GroupNorm_0/scale"), part("GroupNorm_0/bias")];
      const h = pixels.map((row) => row.map((v, c) => ((v - mean) / Math.sqrt(variance)) * scale[c]! + bias[c]!));
      const nin = (i: number, rows: number[][]) => {
        const [W, b] = [part(`NIN_${i}/W`), part(`NIN_${i}/b`)];
        return rows.map((row) => b.map((offset, o) => row.reduce((sum, v, c) => sum + v * W[4 * c + o]!, offset)));
      };
      const [q, k, v] = [nin(0, h), nin(1, h), nin(2, h)];
      const mixed = q.map((query) => {
        const logits = k.map((key) => key.reduce((sum, value, c) => sum + value * query[c]!, 0) / Math.sqrt(C));
        const top = Math.max(...logits);
        const weights = logits.map((l) => Math.exp(l - top));
        const total = weights.reduce((a, b) => a + b, 0);
        return [0, 1, 2, 3].map((c) => weights.reduce((sum, w, p) => sum + (w / total) * v[p]![c]!, 0));
      });
      const expected = nin(3, mixed).flatMap((row, p) => row.map((value, c) => (value + pixels[p]![c]!) / Math.SQRT2));
      expect(largestError(values(layer({ parameters }, x)), expected)).toBeLessThan(1e-4);
    });
  });
});

describe("activate and residual", () => {
  it.each([
    ["swish", (v: number) => v / (1 + Math.exp(-v))],
    ["elu", (v: number) => (v > 0 ? v : Math.expm1(v))],
    ["relu", (v: number) => Math.max(v, 0)],
    ["lrelu", (v: number) => (v > 0 ? v : 0.2 * v)],
  ] as const)("%s", (name, f) => {
    const x = [-3, -0.5, 0, 0.5, 3];
    tf.tidy(() => {
      expect(largestError(values(activate(tf.tensor1d(x), name)), x.map(f))).toBeLessThan(1e-6);
    });
  });

  it("a residual keeps the variance under skipRescale", () => {
    tf.tidy(() => {
      const [x, h] = [normalTensor<Tensor4D>([1, 2, 2, 1], 1), normalTensor<Tensor4D>([1, 2, 2, 1], 2)];
      const sum = values(x).map((v, i) => v + values(h)[i]!);
      expect(largestError(values(residual(x, h, false)), sum)).toBeLessThan(1e-6);
      expect(
        largestError(
          values(residual(x, h, true)),
          sum.map((v) => v / Math.SQRT2),
        ),
      ).toBeLessThan(1e-6);
    });
  });
});
