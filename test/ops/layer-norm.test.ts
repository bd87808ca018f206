import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { layerNorm } from "../../src/ops/layer-norm.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

function plain(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), scale), shift);
}

it("layerNorm equals its definition in value and gradients", async () => {
  await expectNoLeak(() => {
    tf.tidy(() => {
      const given = [
        tf.add(tf.mul(normalTensor([2, 3, 4, 8], 1), 2), 0.5),
        normalTensor([1, 1, 1, 8], 2),
        normalTensor([1, 1, 1, 8], 3),
      ];
      const weight = normalTensor([2, 3, 4, 8], 9);
      const run = (f: (...inputs: Tensor[]) => Tensor) => [
        f(...given),
        ...tf.grads((...xs: Tensor[]) => tf.sum(tf.mul(f(...xs), weight)))(given),
      ];
      const own = run((x, scale, shift) => layerNorm(x as Tensor4D, scale as Tensor4D, shift as Tensor4D));
      const expected = run((x, scale, shift) => plain(x!, scale!, shift!));
      own.forEach((t, i) => {
        expect(t.shape).toEqual(expected[i]!.shape);
        expect(largestError(values(t), values(expected[i]!)), `output ${i}`).toBeLessThan(2e-5);
      });
    });
  });
});
