/** The context of the dequantizer's layers at run time, and their initialization from data. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import type { Context, Parameter } from "../scope.ts";

export interface FlowContext extends Context {
  /** Replaces the value of a parameter; present while the parameters are being initialized from data. */
  readonly adapt?: (parameter: Parameter, value: Tensor) => void;
}

/** Keeps the variance of a constant channel from being divided by. */
const EPSILON = 1e-6;

/**
 * The affine map that brings `y` to mean 0 and standard deviation `spread` along the axes given: y * scale + shift.
 *
 * @see Salimans & Kingma, Weight Normalization (2016), Section 3
 */
export function standardizing(
  y: Tensor,
  axes: number[],
  spread = 1,
): { readonly scale: Tensor; readonly shift: Tensor } {
  const mean = tf.mean(y, axes);
  const variance = tf.mean(tf.square(tf.sub(y, mean)), axes);
  const scale = tf.mul(tf.rsqrt(tf.add(variance, EPSILON)), spread);
  return { scale, shift: tf.neg(tf.mul(mean, scale)) };
}

/** {@link standardizing} for each channel, the last axis: [C] each. */
export function standardizingChannels(y: Tensor, spread: number) {
  const axes = y.shape.slice(0, -1).map((_, axis) => axis);
  return standardizing(y, axes, spread) as { readonly scale: Tensor1D; readonly shift: Tensor1D };
}
