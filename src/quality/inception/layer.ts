/** Layers of Inception-v3: each is built from the channels it is given, and checks its weights on the way. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { conv2d, type Padding } from "../../ops/conv.ts";
import type { FoldedWeights } from "./weights.ts";

/** A layer whose weights have been found. */
export interface InceptionLayer {
  /** Channels that come out. */
  readonly channels: number;
  /** [B, H, W, C] to [B, H', W', channels]; `parameters` are the tensors of {@link FoldedWeights.arrays}. */
  readonly apply: (parameters: readonly Tensor[], x: Tensor4D) => Tensor4D;
}

/**
 * Builds a layer for `channels` channels.
 *
 * @param path What the names of its weights begin with: "", or "Mixed_5b.".
 * @throws UsageError when a weight is missing or has another shape.
 */
export type Build = (weights: FoldedWeights, path: string, channels: number) => InceptionLayer;

export interface InceptionConvOptions {
  readonly stride?: number;
  readonly pad?: Padding;
}

/** Convolution without bias, batch norm as at evaluation, ReLU; torchvision's `BasicConv2d`. */
export function convBatchNorm(
  name: string,
  size: number | readonly [number, number],
  { stride = 1, pad = "same" }: InceptionConvOptions = {},
): Build {
  const kernel = typeof size === "number" ? ([size, size] as const) : size;
  return (weights, path, channels) => {
    const found = weights.conv(path + name, kernel, channels);
    return {
      channels: found.channels,
      apply: (parameters, x) => {
        const [w, b] = [parameters[found.kernel] as Tensor4D, parameters[found.bias] as Tensor1D];
        return tf.tidy(() => tf.relu(conv2d(x, w, b, stride, pad)));
      },
    };
  };
}

/** A layer without weights that keeps the channels. */
const plain =
  (apply: (x: Tensor4D) => Tensor4D): Build =>
  (_weights, _path, channels) => ({ channels, apply: (_parameters, x) => apply(x) });

/** 3x3 mean, stride 1, that does not count the padding, as TensorFlow has it. */
export const averagePool: Build = plain((x) => tf.avgPool(x, 3, 1, "same"));

/** 3x3 maximum, stride 1. */
export const maxPool: Build = plain((x) => tf.maxPool(x, 3, 1, "same"));

/** 3x3 maximum, stride 2, without padding. */
export const reduce: Build = plain((x) => tf.maxPool(x, 3, 2, "valid"));

/** One layer after another. */
export const chain =
  (...parts: readonly Build[]): Build =>
  (weights, path, channels) => {
    const layers: InceptionLayer[] = [];
    for (const build of parts) layers.push(build(weights, path, layers.at(-1)?.channels ?? channels));
    return {
      channels: layers.at(-1)?.channels ?? channels,
      apply: (parameters, x) => tf.tidy(() => layers.reduce((y, { apply }) => apply(parameters, y), x)),
    };
  };

/** Layers side by side on the same input, their channels one after another. */
export const branches =
  (...parts: readonly Build[]): Build =>
  (weights, path, channels) => {
    const layers = parts.map((build) => build(weights, path, channels));
    return {
      channels: layers.reduce((sum, layer) => sum + layer.channels, 0),
      apply: (parameters, x) =>
        tf.tidy(() =>
          tf.concat(
            layers.map(({ apply }) => apply(parameters, x)),
            3,
          ),
        ),
    };
  };

/** A layer whose weights' names begin with `name`. */
export const named =
  (name: string, build: Build): Build =>
  (weights, path, channels) =>
    build(weights, `${path}${name}.`, channels);
