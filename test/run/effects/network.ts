/** The network that a configuration asks for, and what it computes. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../../src/engine/tf.ts";
import { ncsnpp } from "../../../src/models/ncsnpp.ts";
import { initialParameters, layoutOf, unflatten } from "../../../src/models/parameters.ts";
import { networkOf } from "../../../src/run/network-from-config.ts";
import { normal, normalTensor, values } from "../../support/tensors.ts";
import { configOf, type Seen } from "./run.ts";

const SETTINGS = ["model.chMult=1,1", "model.numResBlocks=1", "model.attnResolutions=4"];

/** Names and shapes of the parameters, how they begin, and the output with others that are the same each time. */
export async function network(sets: readonly string[]): Promise<Seen> {
  const model = ncsnpp(networkOf(configOf([...SETTINGS, ...sets]), [8, 8, 1]));
  const layout = layoutOf(model.parameters);
  const out = tf.tidy(() => {
    const parameters = unflatten(layout, tf.tensor1d(normal(layout.length, 2)));
    const context = { parameters, dropoutSeed: tf.tensor1d([1, 2], "int32") };
    return values(model.apply(context, normalTensor<Tensor4D>([1, ...model.shape], 3), tf.tensor1d([30])));
  });
  return {
    parameters: JSON.stringify(layout.slots.map(({ name, shape }) => [name, shape])),
    initial: JSON.stringify([...initialParameters(layout, 1)]),
    output: JSON.stringify(out),
  };
}
