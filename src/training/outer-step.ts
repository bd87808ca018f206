/** The outer optimizer of local steps: SGD with Nesterov's momentum on the mean change of the replicas. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";

export interface OuterOptions {
  readonly learningRate: number;
  readonly momentum: number;
}

/**
 * One outer step: b' = mu b + d, p' = p - lr (d + mu b').
 *
 * @param change Mean over the replicas of the parameters before the round less those after it, [P].
 * @param buffer Momentum b, [P]; zeros before the first step.
 * @returns New tensors, which the caller owns.
 * @see Douillard et al., DiLoCo (2023), arXiv 2311.08105, Algorithm 1
 */
export function outerUpdate(
  parameters: Tensor1D,
  buffer: Tensor1D,
  change: Tensor1D,
  { learningRate, momentum }: OuterOptions,
): { readonly parameters: Tensor1D; readonly buffer: Tensor1D } {
  return tf.tidy(() => {
    const next = tf.add<Tensor1D>(tf.mul(buffer, momentum), change);
    const direction = tf.add(change, tf.mul(next, momentum));
    return { parameters: tf.sub<Tensor1D>(parameters, tf.mul(direction, learningRate)), buffer: next };
  });
}
