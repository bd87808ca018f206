/** Convolution and dense layers with their bias, gradients written by hand. */
import type { NamedTensorMap, Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { biasAdd, biasAddGrad } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";

export type Padding = "same" | "valid";

/**
 * 2-D convolution plus bias.
 *
 * @param x [B, H, W, C]
 * @param kernel [h, w, C, O]
 * @param bias [O]; left out, none is added.
 * @param stride "same" padding with stride 2 pads bottom and right only, as the reference's `Downsample` needs.
 * @returns [B, ceil(H / stride), ceil(W / stride), O] for "same".
 */
export function conv2d(x: Tensor4D, kernel: Tensor4D, bias?: Tensor1D, stride = 1, pad: Padding = "same"): Tensor4D {
  const attributes = { strides: stride, pad, dataFormat: "NHWC" };
  const kernelOf = (name: string, inputs: NamedTensorMap, attrs: object) =>
    tf.engine().runKernel(name, inputs, attrs as Record<string, never>) as Tensor;
  const backward = (dy: Tensor, [x, kernel]: Tensor[]) => [
    kernelOf("Conv2DBackpropInput", { dy, filter: kernel! }, { ...attributes, inputShape: x!.shape }),
    kernelOf("Conv2DBackpropFilter", { x: x!, dy }, { ...attributes, filterShape: kernel!.shape }),
  ];
  if (!bias) {
    return tf.customGrad((x, kernel, save) => {
      (save as (t: Tensor[]) => void)([x as Tensor, kernel as Tensor]);
      return { value: tf.conv2d(x as Tensor4D, kernel as Tensor4D, stride, pad), gradFunc: backward };
    })(x, kernel);
  }
  return tf.customGrad((x, kernel, bias, save) => {
    (save as (t: Tensor[]) => void)([x as Tensor, kernel as Tensor]);
    const value = biasAdd(tf.conv2d(x as Tensor4D, kernel as Tensor4D, stride, pad), bias as Tensor1D);
    return { value, gradFunc: (dy, saved) => [...backward(dy, saved), biasAddGrad(dy)] };
  })(x, kernel, bias) as Tensor4D;
}

/** x W + b for `x` [N, I], `weight` [I, O], `bias` [O]; returns [N, O]. */
export function dense(x: Tensor2D, weight: Tensor2D, bias: Tensor1D): Tensor2D {
  return tf.customGrad((x, weight, bias, save) => {
    (save as (t: Tensor[]) => void)([x as Tensor, weight as Tensor]);
    return {
      value: biasAdd(tf.matMul(x as Tensor2D, weight as Tensor2D), bias as Tensor1D),
      gradFunc: (dy: Tensor, saved: Tensor[]) => [
        tf.matMul(dy, saved[1]!, false, true),
        tf.matMul(saved[0]!, dy, true, false),
        biasAddGrad(dy),
      ],
    };
  })(x, weight, bias) as Tensor2D;
}

/** The reference's NIN: a dense layer over the channels of `x` [B, H, W, C]; returns [B, H, W, O]. */
export function nin(x: Tensor4D, weight: Tensor2D, bias: Tensor1D): Tensor4D {
  const [B, H, W, C] = x.shape;
  return dense(x.reshape([B * H * W, C]), weight, bias).reshape([B, H, W, weight.shape[1]]);
}
