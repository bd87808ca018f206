import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import {
  downsample,
  firDownsample,
  firDownsampleConv,
  firUpsample,
  firUpsampleConv,
  upsample,
  upsampleConv,
} from "../../src/ops/resample.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, numericalGradient, values } from "../support/tensors.ts";

const KERNEL = [1, 3, 3, 1];
/** Symmetric kernels would hide a missing flip. */
const SKEWED = [1, 2, 4, 1];
const x = () => normalTensor<Tensor4D>([2, 4, 6, 3], 1);
const conv = (x: Tensor4D, w: Tensor4D) => tf.conv2d(x, w, 1, "same") as Tensor4D;

/** Rows and columns `margin` away from the border. */
function inner(t: Tensor4D, margin: number): number[] {
  const [B, H, W, C] = t.shape;
  return tf.tidy(() => values(tf.slice(t, [0, margin, margin, 0], [B, H - 2 * margin, W - 2 * margin, C])));
}

/** One axis of upfirdn: zeros between samples, padding, convolution, decimation. */
function upfirdn(row: number[], kernel: number[], up: number, down: number, before: number, after: number): number[] {
  const spread = row.flatMap((v) => [v, ...new Array<number>(up - 1).fill(0)]);
  const padded = [...new Array<number>(before).fill(0), ...spread, ...new Array<number>(after).fill(0)];
  const out = Array.from({ length: padded.length - kernel.length + 1 }, (_, i) =>
    kernel.reduce((sum, k, j) => sum + k * padded[i + kernel.length - 1 - j]!, 0),
  );
  return out.filter((_, i) => i % down === 0);
}

/** Along W, then along H, of the first channel of the first image. */
function upfirdn2d(t: Tensor4D, kernel: number[], gain: number, up: number, down: number, pad: [number, number]) {
  const total = kernel.reduce((a, b) => a + b, 0);
  const k = kernel.map((v) => (v / total) * Math.sqrt(gain));
  const image = (t.arraySync()[0] ?? []).map((row) => row.map((pixel) => pixel[0]!));
  const wide = image.map((row) => upfirdn(row, k, up, down, ...pad));
  const columns = wide[0]!.map((_, c) =>
    upfirdn(
      wide.map((row) => row[c]!),
      k,
      up,
      down,
      ...pad,
    ),
  );
  return columns[0]!.flatMap((_, r) => columns.map((column) => column[r]!));
}

const firstChannel = (t: Tensor4D) => t.arraySync()[0]!.flatMap((row) => row.map((pixel) => pixel[0]!));

describe("upsample and downsample", () => {
  it("equal nearest neighbours and the mean, in value and gradient", async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const pairs: [(x: Tensor4D) => Tensor4D, (x: Tensor4D) => Tensor4D][] = [
          [upsample, (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]])],
          [downsample, (x) => tf.avgPool(x, 2, 2, "valid")],
        ];
        for (const [own, plain] of pairs) {
          expect(own(x()).shape).toEqual(plain(x()).shape);
          expect(largestError(values(own(x())), values(plain(x())))).toBeLessThan(1e-6);
          const loss = (f: (x: Tensor4D) => Tensor4D) => (x: Tensor) => tf.sum(tf.square(f(x as Tensor4D)));
          const [g, expected] = [tf.grad(loss(own))(x()), tf.grad(loss(plain))(x())];
          expect(largestError(values(g), values(expected))).toBeLessThan(1e-5);
        }
      }),
    );
  });

  it("undo each other one way", () => {
    tf.tidy(() => {
      expect(largestError(values(downsample(upsample(x()))), values(x()))).toBeLessThan(1e-6);
    });
  });
});

describe("upsampleConv", () => {
  it("equals upsampling and a convolution, in value and both gradients", async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const weight = normalTensor<Tensor4D>([3, 3, 3, 5], 2);
        const plain = (x: Tensor4D, w: Tensor4D) => conv(upsample(x), w);
        expect(upsampleConv(x(), weight).shape).toEqual([2, 8, 12, 5]);
        expect(largestError(values(upsampleConv(x(), weight)), values(plain(x(), weight)))).toBeLessThan(1e-5);
        const gradients = (f: typeof plain) =>
          tf.grads((x, w) => tf.sum(tf.square(f(x as Tensor4D, w as Tensor4D))))([x(), weight]);
        const expected = gradients(plain);
        for (const [i, gradient] of gradients(upsampleConv).entries()) {
          expect(gradient.shape).toEqual(expected[i]!.shape);
          const largest = Math.max(...values(expected[i]!).map(Math.abs));
          expect(largestError(values(gradient), values(expected[i]!)) / largest).toBeLessThan(1e-5);
        }
      }),
    );
  });
});

describe("FIR resampling", () => {
  it.each([[KERNEL], [SKEWED]])("equals upfirdn with the reference's padding, kernel %o", (kernel) => {
    tf.tidy(() => {
      const up = firUpsample(x(), kernel);
      expect(up.shape).toEqual([2, 8, 12, 3]);
      expect(largestError(firstChannel(up), upfirdn2d(x(), kernel, 4, 2, 1, [2, 1]))).toBeLessThan(1e-5);
      const down = firDownsample(x(), kernel);
      expect(down.shape).toEqual([2, 2, 3, 3]);
      expect(largestError(firstChannel(down), upfirdn2d(x(), kernel, 1, 1, 2, [1, 1]))).toBeLessThan(1e-5);
    });
  });

  it("keeps a constant image constant away from the border", () => {
    tf.tidy(() => {
      const ones = tf.ones<typeof tf.Rank.R4>([1, 8, 8, 2]);
      expect(largestError(inner(firUpsample(ones, KERNEL), 2), new Array<number>(12 * 12 * 2).fill(1))).toBeLessThan(
        1e-6,
      );
      expect(largestError(inner(firDownsample(ones, KERNEL), 1), new Array<number>(8).fill(1))).toBeLessThan(1e-6);
    });
  });

  it("with a convolution equals resampling then convolving, away from the border where padding differs", () => {
    tf.tidy(() => {
      const image = normalTensor<Tensor4D>([1, 8, 8, 2], 1);
      const weight = normalTensor<Tensor4D>([3, 3, 2, 3], 2);
      const up = firUpsampleConv(image, weight, SKEWED);
      expect(up.shape).toEqual([1, 16, 16, 3]);
      expect(largestError(inner(up, 3), inner(conv(firUpsample(image, SKEWED), weight), 3))).toBeLessThan(1e-5);
      const down = firDownsampleConv(image, weight, SKEWED);
      expect(down.shape).toEqual([1, 4, 4, 3]);
      expect(largestError(inner(down, 1), inner(firDownsample(conv(image, weight), SKEWED), 1))).toBeLessThan(1e-5);
    });
  });

  it.each([
    ["firUpsample", (x: Tensor4D) => firUpsample(x, KERNEL)],
    ["firDownsample", (x: Tensor4D) => firDownsample(x, KERNEL)],
  ])("%s has the gradient that differences give, and leaks nothing", async (_, f) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const loss = (x: Tensor) => tf.sum(tf.square(f(x as Tensor4D)));
        const at = (data: Float32Array) => tf.tidy(() => loss(tf.tensor4d(data, [2, 4, 6, 3])).dataSync()[0]!);
        const coordinates = [0, 20, 143];
        const own = tf.grad(loss)(x()).dataSync();
        const numerical = numericalGradient(at, x().dataSync() as Float32Array, coordinates);
        expect(
          largestError(
            coordinates.map((i) => own[i]!),
            numerical,
          ),
        ).toBeLessThan(5e-3); // float32, h = 0.01
      }),
    );
  });
});
