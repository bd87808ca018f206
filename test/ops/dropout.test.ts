import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { hasOwnOps, isNative, nativeBackend } from "../../src/engine/kernels.ts";
import { recordGraph } from "../../src/engine/recorder.ts";
import { tf } from "../../src/engine/tf.ts";
import { dropped } from "../../src/ops/dropout.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

/** The result, and the gradient of its product with something. */
function run(shape: readonly number[], rate: number, stream: number, fused: boolean): number[][] {
  return tf.tidy(() => {
    const seed = tf.tensor1d([7, -3], "int32") as Tensor1D;
    const f = (x: Tensor) => dropped(x, { rate, seed, stream, fused });
    const x = normalTensor(shape, 1);
    const dy = normalTensor(shape, 2);
    return [f(x), tf.grad((x) => tf.sum(tf.mul(f(x), dy)))(x)].map(values);
  });
}

describe("dropout", () => {
  it("leaves out a share of the numbers, in the gradient too, and scales the others", async () => {
    await expectNoLeak(() => {
      const [x, y, gradient] = [tf.tidy(() => values(normalTensor([100, 100], 1))), ...run([100, 100], 0.1, 0, false)];
      const kept = y!.map((v) => v !== 0);
      expect(Math.abs(kept.filter(Boolean).length / 1e4 - 0.9)).toBeLessThan(4 * Math.sqrt(0.09 / 1e4));
      expect(kept.every((on, i) => !on || Math.abs(y![i]! - x[i]! / 0.9) <= 1e-6 * Math.abs(x[i]!) * 2)).toBe(true);
      expect(gradient!.map((v) => v !== 0)).toEqual(kept);
    });
  });

  // Sizes below, at and beyond the numbers that are drawn at a time, and not divisible by four.
  it.runIf(hasOwnOps()).each([
    [[3, 5, 7], 0.1],
    [[1024], 0.5],
    [[2, 9, 61, 8], 0.1],
    [[1025, 3], 0.9],
  ] as const)("has equal bits by an op of our own: %j, rate %d", async (shape, rate) => {
    await expectNoLeak(() => expect(run(shape, rate, 3, true)).toEqual(run(shape, rate, 3, false)));
  });

  it.runIf(isNative()).each([undefined, true, false])("is one op where the engine has it, fused %s", (fused) => {
    tf.tidy(() => {
      const options = { rate: 0.1, stream: 0, ...(fused !== undefined && { fused }) };
      const f = (...[x, seed]: Tensor[]) => [dropped(x!, { ...options, seed: seed as Tensor1D })];
      const inputs = [tf.ones([4]), tf.tensor1d([7, -3], "int32")];
      const { nodes } = recordGraph(nativeBackend(), (run) => tf.tidy(run), f, inputs);
      expect(nodes.some(({ op }) => op === "ScoreStreamDropout")).toBe(hasOwnOps() && fused !== false);
    });
  });
});
