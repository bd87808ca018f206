import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import { flatten, unflatten, type ParameterLayout } from "./parameters.ts";

/**
 * The gradient of the mean loss in the parameters, for use inside a compiled function.
 *
 * @param flat The parameters, in the layout.
 * @param lossOf Losses [B] from the parameters by name.
 * @returns The gradient in the layout, and the losses [B].
 */
export function lossGradient(
  layout: ParameterLayout,
  flat: Tensor1D,
  lossOf: (parameters: Record<string, Tensor>) => Tensor1D,
): [Tensor1D, Tensor1D] {
  const names = layout.slots.map((slot) => slot.name);
  const parameters = unflatten(layout, flat);
  let losses: Tensor1D | undefined;
  const { value, grads } = tf.valueAndGrads((...values: Tensor[]) => {
    losses = tf.keep(lossOf(Object.fromEntries(names.map((name, i) => [name, values[i]!]))));
    // Sum and scale: the gradient of tf.mean fills tensors on the host.
    return tf.mul(tf.sum(losses), 1 / losses.shape[0]);
  })(names.map((name) => parameters[name]!));
  value.dispose();
  const result: [Tensor1D, Tensor1D] = [flatten(layout, grads), tf.mul(losses!, 1)];
  losses!.dispose();
  return result;
}
