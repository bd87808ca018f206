import type { Tensor2D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { mlp } from "../../src/models/mlp.ts";
import { initialParameters, layoutOf, unflatten } from "../../src/models/parameters.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

const model = mlp({ dims: 3, width: 8, depth: 2 });
const layout = layoutOf(model.parameters);
const apply = (x: Tensor2D, t: number[]) => {
  const parameters = unflatten(layout, tf.tensor1d(initialParameters(layout, 1)));
  return model.apply({ parameters }, x, tf.tensor1d(t));
};

describe("mlp", () => {
  it("has the parameters of its layers: time, first, two each of a hidden layer, last", () => {
    const dense = (I: number, O: number) => I * O + O;
    expect(layout.count).toBe(dense(8, 8) + dense(3, 8) + 2 * 2 * dense(8, 8) + dense(8, 3));
    expect(model.parameters.map(({ name }) => name).slice(0, 2)).toEqual(["Dense_0/bias", "Dense_0/kernel"]);
  });

  it("maps vectors to vectors, each by itself and by its own time", async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = normalTensor<Tensor2D>([2, 3], 1);
        const both = apply(x, [0.1, 900]);
        expect(both.shape).toEqual([2, 3]);
        const alone = values(apply(tf.slice(x, [1, 0], [1, 3]), [900]));
        values(both)
          .slice(3)
          .forEach((value, i) => expect(value).toBeCloseTo(alone[i]!, 5));
        expect(values(apply(x, [500, 900])).slice(0, 3)).not.toEqual(values(both).slice(0, 3));
      }),
    );
  });
});
