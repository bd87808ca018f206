/** Convolutions and dense layers of Flow++, all set up from data. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { conv2d, nin } from "../../ops/conv.ts";
import type { Scope } from "../scope.ts";
import { standardizingChannels, type FlowContext } from "./context.ts";

export type FlowLayer = (context: FlowContext, x: Tensor4D) => Tensor4D;

export interface AffineOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Standard deviation of each output channel on the data of the initialization. */
  readonly spread?: number;
}

/** Declares parameters `${name}_...` and returns the layer, [B, H, W, inputs] -> [B, H, W, outputs]. */
export type Affine = (scope: Scope, name: string, options: AffineOptions) => FlowLayer;

const WEIGHTS = { kind: "normal", std: 0.05 } as const;

/** A linear map with weights and bias, whose weights are scaled and whose bias is set at the initialization. */
function standardized<T extends Tensor>(
  shape: readonly number[],
  linear: (x: Tensor4D, weights: T, bias: Tensor1D) => Tensor4D,
): Affine {
  return (scope, name, { inputs, outputs, spread = 1 }) => {
    const weights = scope.parameter<T>(`${name}_W`, [...shape, inputs, outputs], WEIGHTS);
    const bias = scope.parameter<Tensor1D>(`${name}_b`, [outputs], { kind: "zeros" });
    return (context, x) => {
      if (context.adapt) {
        const { scale, shift } = standardizingChannels(linear(x, weights(context), bias(context)), spread);
        context.adapt(weights, tf.mul(weights(context), scale));
        context.adapt(bias, shift);
      }
      return linear(x, weights(context), bias(context));
    };
  };
}

/** Dense layer over the channels: `${name}_W` [I, O] and `${name}_b` [O]. */
export const affineDense: Affine = standardized<Tensor2D>([], nin);

/**
 * 3 x 3 convolution of the CIFAR-10 and ImageNet 64 forms: `${name}_W` [3, 3, I, O] and `${name}_b` [O].
 *
 * The kernel's first axis runs along the image's columns: the reference labels its [B, H, W, C] data as NWHC.
 */
export const columnFirstConv: Affine = standardized<Tensor4D>([3, 3], (x, kernel, bias) =>
  conv2d(x, tf.transpose(kernel, [1, 0, 2, 3]), bias),
);

/** 3 x 3 convolution with weight normalization of the ImageNet 32 form: `${name}_V`, `${name}_g`, `${name}_b`. */
export const weightNormConv: Affine = (scope, name, { inputs, outputs, spread = 1 }) => {
  const direction = scope.parameter<Tensor4D>(`${name}_V`, [3, 3, inputs, outputs], WEIGHTS);
  const gain = scope.parameter<Tensor1D>(`${name}_g`, [outputs], { kind: "ones" });
  const bias = scope.parameter<Tensor1D>(`${name}_b`, [outputs], { kind: "zeros" });
  const kernel = (context: FlowContext): Tensor4D => {
    const V = direction(context);
    const squaredLength = tf.maximum(tf.sum(tf.square(V), [0, 1, 2]), 1e-12);
    return tf.mul(V, tf.mul(gain(context), tf.rsqrt(squaredLength)));
  };
  return (context, x) => {
    if (context.adapt) {
      const { scale, shift } = standardizingChannels(conv2d(x, kernel(context), bias(context)), spread);
      context.adapt(gain, scale);
      context.adapt(bias, shift);
    }
    return conv2d(x, kernel(context), bias(context));
  };
};
