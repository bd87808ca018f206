/** Layer normalization over the channels, gradient written by hand. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { biasAddGrad } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";

/** Mean over the last axis, kept as an axis of length 1. */
const channelMean = (x: Tensor) => tf.mul(tf.sum(x, -1, true), 1 / x.shape.at(-1)!);

function normalize(x: Tensor, epsilon: number) {
  const centred = tf.sub(x, channelMean(x));
  const inverseStd = tf.rsqrt(tf.add(channelMean(tf.square(centred)), epsilon));
  return { normalized: tf.mul(centred, inverseStd), inverseStd };
}

/**
 * (x - mean) / sqrt(variance + epsilon) * scale + shift, the moments taken over the channels of each pixel.
 *
 * @param x [B, H, W, C]
 * @param scale [1, 1, 1, C]
 * @param shift [1, 1, 1, C]
 * @returns [B, H, W, C]
 */
export function layerNorm(x: Tensor4D, scale: Tensor4D, shift: Tensor4D, epsilon = 1e-5): Tensor4D {
  return tf.customGrad((x, scale, shift, save) => {
    (save as (tensors: Tensor[]) => void)([x as Tensor, scale as Tensor]);
    const value = tf.add(tf.mul(normalize(x as Tensor, epsilon).normalized, scale as Tensor), shift as Tensor);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [x, scale] = saved as [Tensor, Tensor];
      const { normalized, inverseStd } = normalize(x, epsilon);
      const scaled = tf.mul(dy, scale);
      const along = tf.mul(normalized, channelMean(tf.mul(scaled, normalized)));
      const dx = tf.mul(tf.sub(tf.sub(scaled, channelMean(scaled)), along), inverseStd);
      const perChannel = (t: Tensor) => (biasAddGrad(t) as Tensor1D).reshape(scale.shape);
      return [dx, perChannel(tf.mul(dy, normalized)), perChannel(dy)];
    };
    return { value, gradFunc };
  })(x, scale, shift) as Tensor4D;
}
