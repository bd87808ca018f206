import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { conv2d, dense, nin } from "../../src/ops/conv.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, numericalGradient, values } from "../support/tensors.ts";

/** Value and gradients of sum(w * f(inputs)), w fixed normal numbers. */
function valueAndGrads(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): Tensor[] {
  return tf.tidy(() => {
    const value = f(...inputs);
    const weight = normalTensor(value.shape, 99);
    return [value, ...tf.grads((...xs: Tensor[]) => tf.sum(tf.mul(f(...xs), weight)))(inputs)];
  });
}

function expectSame(own: (...inputs: Tensor[]) => Tensor, plain: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]) {
  const got = valueAndGrads(own, inputs);
  const expected = valueAndGrads(plain, inputs);
  got.forEach((t, i) => {
    expect(t.shape).toEqual(expected[i]!.shape);
    expect(largestError(values(t), values(expected[i]!)), `output ${i}`).toBeLessThan(1e-5);
  });
  tf.dispose([got, expected]);
}

describe("conv2d", () => {
  const x = () => normalTensor<Tensor4D>([2, 6, 6, 3], 1);
  const bias = () => normalTensor<Tensor1D>([4], 3);

  it.each([
    [3, 1, "same"],
    [3, 2, "same"],
    [1, 1, "same"],
    [3, 1, "valid"],
    [3, 2, "valid"],
  ] as const)(
    "equals tf.conv2d plus bias in value and gradients: size %d, stride %d, %s",
    async (size, stride, pad) => {
      await expectNoLeak(() => {
        const inputs = [x(), normalTensor([size, size, 3, 4], 2), bias()];
        expectSame(
          (x, k, b) => conv2d(x as Tensor4D, k as Tensor4D, b as Tensor1D, stride, pad),
          (x, k, b) => tf.add(tf.conv2d(x as Tensor4D, k as Tensor4D, stride, pad), b),
          inputs,
        );
        expectSame(
          (x, k) => conv2d(x as Tensor4D, k as Tensor4D, undefined, stride, pad),
          (x, k) => tf.conv2d(x as Tensor4D, k as Tensor4D, stride, pad),
          inputs.slice(0, 2),
        );
        tf.dispose(inputs);
      });
    },
  );

  it("pads bottom and right only at stride 2", () => {
    const [first, last] = tf.tidy(() => {
      const corner = tf.buffer([1, 4, 4, 1]);
      corner.set(1, 0, 0, 0, 0);
      const kernel = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3, 1, 1]);
      return values(conv2d(corner.toTensor() as Tensor4D, kernel, undefined, 2)).filter((_, i) => i === 0 || i === 3);
    });
    expect(first).toBe(1); // The kernel's own first weight: nothing was padded above or left.
    expect(last).toBe(0);
  });
});

describe("dense and nin", () => {
  it("equal matMul plus bias in value and gradients", async () => {
    await expectNoLeak(() => {
      const weight = normalTensor([3, 5], 2);
      const bias = normalTensor([5], 3);
      const rows = normalTensor([4, 3], 1);
      const image = normalTensor([2, 3, 3, 3], 4);
      expectSame(
        (x, w, b) => dense(x as Tensor2D, w as Tensor2D, b as Tensor1D),
        (x, w, b) => tf.add(tf.matMul(x, w), b),
        [rows, weight, bias],
      );
      expectSame(
        (x, w, b) => nin(x as Tensor4D, w as Tensor2D, b as Tensor1D),
        (x, w, b) => tf.add(tf.conv2d(x as Tensor4D, w.reshape([1, 1, 3, 5]), 1, "same"), b),
        [image, weight, bias],
      );
      tf.dispose([weight, bias, rows, image]);
    });
  });

  it("have the gradient that differences give", () => {
    tf.tidy(() => {
      const weight = normalTensor<Tensor2D>([3, 5], 2);
      const bias = normalTensor<Tensor1D>([5], 3);
      const loss = (x: Tensor) => tf.sum(tf.square(dense(x as Tensor2D, weight, bias)));
      const x = normalTensor<Tensor2D>([2, 3], 1);
      const own = values(tf.grad(loss)(x)).slice(0, 4);
      const f = (data: Float32Array) => tf.tidy(() => loss(tf.tensor2d(data, [2, 3])).dataSync()[0]!);
      const numerical = numericalGradient(f, x.dataSync() as Float32Array, [0, 1, 2, 3]);
      expect(largestError(own, numerical)).toBeLessThan(2e-3); // float32 differences with h = 0.01
    });
  });
});
