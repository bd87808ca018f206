/** The gradient of a convolution by its filter, which the WebAssembly backend of tfjs lacks. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";

export interface Conv2DBackpropFilterAttributes {
  readonly strides: number | [number, number];
  readonly pad: "same" | "valid";
  readonly dataFormat: "NHWC";
  /** [h, w, C, O] */
  readonly filterShape: [number, number, number, number];
}

/**
 * One matrix product per filter tap: the pixels of `x` that the tap met, [B H' W', C], transposed, times `dy`.
 *
 * @param x [B, H, W, C]
 * @param dy [B, H', W', O]
 * @returns [h, w, C, O]
 */
export function conv2dBackpropFilter(x: Tensor4D, dy: Tensor4D, attributes: Conv2DBackpropFilterAttributes): Tensor4D {
  const { strides, pad, filterShape } = attributes;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad);
  const { batchSize: B, inChannels: C, outChannels: O, outHeight, outWidth, strideHeight, strideWidth } = info;
  const { top, bottom, left, right } = info.padInfo;
  const [height, width] = filterShape;
  return tf.tidy(() => {
    const padded = x.pad([
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const rows = B * outHeight * outWidth;
    const gradient = dy.reshape([rows, O]);
    const taps = Array.from({ length: height * width }, (_, tap) => {
      const [h, w] = [Math.floor(tap / width), tap % width];
      const end = [B, h + (outHeight - 1) * strideHeight + 1, w + (outWidth - 1) * strideWidth + 1, C];
      const met = padded.stridedSlice([0, h, w, 0], end, [1, strideHeight, strideWidth, 1]);
      return tf.matMul(met.reshape([rows, C]), gradient, true, false);
    });
    return tf.stack(taps).reshape(filterShape) as Tensor4D;
  });
}
