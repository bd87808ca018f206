import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { start } from "../engine/run.ts";
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

/** Losses [B], and the gradient of their mean in the layout of the parameters, which the caller disposes. */
export interface LossAndGradient {
  readonly losses: Float32Array;
  readonly gradient: Tensor1D;
}

/** Runs a compiled {@link lossGradient} in another thread, with inputs as {@link start} takes them. */
export async function startLossGradient(...call: Parameters<typeof start>): Promise<LossAndGradient> {
  const [gradient, losses] = (await start(...call)) as [Tensor1D, Tensor1D];
  const values = losses.dataSync() as Float32Array;
  losses.dispose();
  return { losses: values, gradient };
}
