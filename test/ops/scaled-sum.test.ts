import { describe, expect, it } from "vitest";
import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "../../src/engine/tf.ts";
import { scaledSum } from "../../src/ops/scaled-sum.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

describe("scaledSum", () => {
  it.each([[[7]], [[2, 3, 4, 100]]])("has the bits of a sum and a product, with gradients: %j", async (shape) => {
    await expectNoLeak(() => {
      const run = (f: (a: Tensor, b: Tensor) => Tensor) =>
        tf.tidy(() => {
          const given = [normalTensor(shape, 1), normalTensor(shape, 2)] as const;
          const weight = normalTensor(shape, 3);
          const loss = (...[a, b]: Tensor[]) => tf.sum(tf.mul(f(a!, b!), weight));
          return [f(...given), ...tf.grads(loss)([...given])].map(values);
        });
      expect(run((a, b) => scaledSum(a, b, Math.SQRT1_2))).toEqual(run((a, b) => tf.mul(tf.add(a, b), Math.SQRT1_2)));
    });
  });

  it("lets what is added twice have both gradients", () => {
    const twice = tf.tidy(() => values(tf.grad((x) => tf.sum(scaledSum(x, x, 3)))(normalTensor([5], 1))));
    expect(twice).toEqual([6, 6, 6, 6, 6]);
  });
});
