import type { Tensor2D } from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { invertMatrix, logAbsDeterminant } from "../../src/ops/small-matrix.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, numericalGradient, values } from "../support/tensors.ts";

it("knows a determinant and its sign's absence", () => {
  tf.tidy(() => {
    // det = -3; a rotation of the rows has the same.
    const matrix = tf.tensor2d([2, 0, 1, 1, 3, 2, 1, 1, 0.5], [3, 3]);
    expect(values(logAbsDeterminant(matrix))[0]).toBeCloseTo(Math.log(3), 5);
    expect(values(logAbsDeterminant(tf.tensor2d([-4], [1, 1])))[0]).toBeCloseTo(Math.log(4), 5);
    expect(values(logAbsDeterminant(tf.tensor2d([1, 2, 3, 4], [2, 2])))[0]).toBeCloseTo(Math.log(2), 5);
  });
});

it.each([1, 2, 3])("inverts and differentiates matrices of size %d", async (n) => {
  await expectNoLeak(() => {
    tf.tidy(() => {
      const matrix = tf.add<Tensor2D>(normalTensor([n, n], n), tf.mul(tf.eye(n), 2));
      const product = tf.matMul(matrix, invertMatrix(matrix));
      expect(largestError(values(product), values(tf.eye(n)))).toBeLessThan(1e-5);

      const gradient = values(tf.grad((m) => logAbsDeterminant(m as Tensor2D))(matrix));
      const f = (data: Float32Array) => values(logAbsDeterminant(tf.tensor2d(data, [n, n])))[0]!;
      const coordinates = [...gradient.keys()];
      const numerical = numericalGradient(f, matrix.dataSync() as Float32Array, coordinates);
      expect(largestError(gradient, numerical)).toBeLessThan(1e-3);
    });
  });
});

it("refuses larger matrices", () => {
  expect(() => tf.tidy(() => logAbsDeterminant(tf.eye(4)))).toThrow(/up to 3 x 3/);
});
