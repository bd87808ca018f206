/** Resampling by a factor of two: naive (nearest and mean) and FIR, as in the reference's up_or_down_sampling. */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";

/** Every pixel four times, by two concatenations: much faster than a rank-6 tile, whose gradient tfjs lacks. */
function repeat(x: Tensor4D): Tensor4D {
  const [B, H, W, C] = x.shape;
  const wide = tf.concat([x, x], 3).reshape([B, H, 2 * W * C]);
  return tf.concat([wide, wide], 2).reshape([B, 2 * H, 2 * W, C]);
}

const mean = (x: Tensor4D) => tf.avgPool(x, 2, 2, "valid");

/** Nearest-neighbour upsampling, [B, H, W, C] -> [B, 2H, 2W, C]; the reference's `naive_upsample_2d`. */
export function upsample(x: Tensor4D): Tensor4D {
  return tf.customGrad((x) => ({
    value: repeat(x as Tensor4D),
    gradFunc: (dy: Tensor) => tf.mul(mean(dy as Tensor4D), 4),
  }))(x) as Tensor4D;
}

/** The kernel of a transposed convolution that, flipped by it, is `weight` [h, h, C, O]: [h, h, O, C]. */
const turned = (weight: Tensor4D) => tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2]) as Tensor4D;

/** A kernel plus itself one place on, along a spatial axis: what it does to two equal pixels, one longer. */
function twice(kernel: Tensor4D, axis: 0 | 1): Tensor4D {
  const padded = (padding: [number, number]) =>
    tf.pad(
      kernel,
      [0, 1, 2, 3].map((each): [number, number] => (each === axis ? padding : [0, 0])),
    );
  return tf.add<Tensor4D>(padded([1, 0]), padded([0, 1]));
}

/**
 * {@link upsample}, then a convolution, [B, H, W, C] -> [B, 2H, 2W, O], weight [3, 3, C, O].
 *
 * As one transposed convolution with stride 2 and a 4 x 4 kernel: 16 products a pixel of x instead of 36, and the larger image
 * is never made. The sums come in another order than by the two ops.
 */
export function upsampleConv(x: Tensor4D, weight: Tensor4D): Tensor4D {
  const [B, H, W] = x.shape;
  return tf.conv2dTranspose(x, twice(twice(turned(weight), 0), 1), [B, 2 * H, 2 * W, weight.shape[3]], 2, "same");
}

/** Mean over 2 x 2 pixels, [B, H, W, C] -> [B, H/2, W/2, C]; the reference's `naive_downsample_2d`. */
export function downsample(x: Tensor4D): Tensor4D {
  return tf.customGrad((x) => ({
    value: mean(x as Tensor4D),
    gradFunc: (dy: Tensor) => tf.mul(repeat(dy as Tensor4D), 0.25),
  }))(x) as Tensor4D;
}

/** Outer product of a 1-D FIR kernel, normalized to sum to `gain`, flipped for use in a correlation: [k, k, 1, 1]. */
function firFilter(kernel: readonly number[], gain: number): Tensor4D {
  const total = kernel.reduce((a, b) => a + b, 0) ** 2;
  const flipped = [...kernel].reverse();
  const values = flipped.flatMap((a) => flipped.map((b) => (a * b * gain) / total));
  return tf.tensor4d(values, [kernel.length, kernel.length, 1, 1]);
}

/** Pads (before, after) on both spatial axes, filters every channel with `filter`, keeps every `down`-th pixel. */
function filterChannels(x: Tensor4D, filter: Tensor4D, before: number, after: number, down: number): Tensor4D {
  const [B, H, W, C] = x.shape;
  const planes = tf.transpose(x, [0, 3, 1, 2]).reshape([B * C, H, W, 1]) as Tensor4D;
  const padding: [number, number] = [before, after];
  const padded = tf.pad(planes, [[0, 0], padding, padding, [0, 0]]) as Tensor4D;
  const y = tf.conv2d(padded, filter, down, "valid");
  const [, h, w] = y.shape;
  return tf.transpose(y.reshape([B, C, h, w]), [0, 2, 3, 1]) as Tensor4D;
}

/** Puts a zero behind every pixel, [B, H, W, C] -> [B, 2H, 2W, C]. */
function insertZeros(x: Tensor4D): Tensor4D {
  const [B, H, W, C] = x.shape;
  const wide = tf.concat([x, tf.zerosLike(x)], 3).reshape([B, H, 2 * W * C]);
  return tf.concat([wide, tf.zerosLike(wide)], 2).reshape([B, 2 * H, 2 * W, C]);
}

/** FIR upsampling, [B, H, W, C] -> [B, 2H, 2W, C]; the reference's `upsample_2d`. */
export function firUpsample(x: Tensor4D, kernel: readonly number[]): Tensor4D {
  const p = kernel.length - 2;
  const before = ((p + 1) >> 1) + 1;
  return filterChannels(insertZeros(x), firFilter(kernel, 4), before, p >> 1, 1);
}

/** FIR downsampling, [B, H, W, C] -> [B, H/2, W/2, C]; the reference's `downsample_2d`. */
export function firDownsample(x: Tensor4D, kernel: readonly number[]): Tensor4D {
  const p = kernel.length - 2;
  return filterChannels(x, firFilter(kernel, 1), (p + 1) >> 1, p >> 1, 2);
}

/** Transposed convolution with stride 2, then the FIR filter; the reference's `upsample_conv_2d`, weight [h, h, C, O]. */
export function firUpsampleConv(x: Tensor4D, weight: Tensor4D, kernel: readonly number[]): Tensor4D {
  const [B, H, W] = x.shape;
  const [size, , , O] = weight.shape;
  const p = kernel.length - 2 - (size - 1);
  // The reference flips the kernel and lets the transposed convolution flip it back.
  const y = tf.conv2dTranspose(x, turned(weight), [B, 2 * H + size - 2, 2 * W + size - 2, O], 2, "valid");
  return filterChannels(y, firFilter(kernel, 4), ((p + 1) >> 1) + 1, (p >> 1) + 1, 1);
}

/** The FIR filter, then a convolution with stride 2; the reference's `conv_downsample_2d`, weight [h, h, C, O]. */
export function firDownsampleConv(x: Tensor4D, weight: Tensor4D, kernel: readonly number[]): Tensor4D {
  const p = kernel.length - 2 + (weight.shape[0] - 1);
  const filtered = filterChannels(x, firFilter(kernel, 1), (p + 1) >> 1, p >> 1, 1);
  return tf.conv2d(filtered, weight, 2, "valid");
}
