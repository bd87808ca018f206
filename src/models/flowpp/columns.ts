/** The "checkerboard" of the reference: even and odd columns of an image. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";

/** Even and odd columns, each [B, H, W/2, C]. */
export type Halves = readonly [Tensor4D, Tensor4D];

/** Each even column beside the odd one that follows it, as channels: [B, H, W, C] -> [B, H, W/2, 2C]. */
export function pairColumns(x: Tensor4D): Tensor4D {
  const [B, H, W, C] = x.shape;
  return x.reshape([B, H, W / 2, 2 * C]);
}

/** The reference's `CheckerboardSplit`. */
export const splitColumns = (x: Tensor4D): Halves => tf.split(pairColumns(x), 2, 3) as [Tensor4D, Tensor4D];

/** The inverse of {@link splitColumns}. */
export function mergeColumns([even, odd]: Halves): Tensor4D {
  const [B, H, W, C] = even.shape;
  return tf.concat([even, odd], 3).reshape([B, H, 2 * W, C]);
}
