import type { Rank } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { outerUpdate } from "../../src/training/outer-step.ts";
import { expectNoLeak } from "../support/tensors.ts";

describe("outerUpdate", () => {
  it("is SGD with Nesterov's momentum, as PyTorch has it", async () => {
    await expectNoLeak(() => {
      // Two steps of torch.optim.SGD([1., -2.], lr=.5, momentum=.5, nesterov=True) with gradients [.5, 1.], [.25, -1.].
      const [parameters, zeros, gradient] = [tf.tensor1d([1, -2]), tf.zeros<Rank.R1>([2]), tf.tensor1d([0.5, 1])];
      const options = { learningRate: 0.5, momentum: 0.5 };
      const one = outerUpdate(parameters, zeros, gradient, options);
      expect([...one.parameters.dataSync()]).toEqual([0.625, -2.75]);
      expect([...one.buffer.dataSync()]).toEqual([0.5, 1]);
      const change = tf.tensor1d([0.25, -1]);
      const two = outerUpdate(one.parameters, one.buffer, change, options);
      expect([...two.buffer.dataSync()]).toEqual([0.5, -0.5]);
      expect([...two.parameters.dataSync()]).toEqual([0.375, -2.125]);
      tf.dispose([parameters, zeros, gradient, change, { ...one }, { ...two }]);
    });
  });
});
