/** Group normalization, fused with the swish that follows it nearly everywhere in NCSN++. */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { ATTR } from "../engine/graph-def.ts";
import { FLOAT, after, executeOps, hasOwnOps, keepFloat32, typeAttribute } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";

interface Affine {
  /** Normalized and scaled x is `a * x + b`; both [B, 1, 1, C]. */
  readonly a: Tensor;
  readonly b: Tensor;
  /** Mean of each channel, equal over the channels of a group: [B, C]. */
  readonly mean: Tensor;
  readonly rstd: Tensor;
}

const overImage = (x: Tensor) => tf.sum(x, [1, 2]); // [B, H, W, C] -> [B, C]

/** Sums [B, C] over the channels of each group and gives every channel its group's sum: [B, C]. */
function overGroup(x: Tensor, groups: number): Tensor {
  const [B, C] = x.shape as [number, number];
  const size = C / groups;
  const sums = tf.sum(x.reshape([B, groups, size]), 2, true);
  return tf.broadcastTo(sums, [B, groups, size]).reshape([B, C]);
}

function affine(x: Tensor4D, scale: Tensor, bias: Tensor, groups: number, eps: number): Affine {
  const [B, H, W, C] = x.shape;
  const n = H * W * (C / groups);
  const mean = tf.mul(overGroup(overImage(x), groups), 1 / n);
  // E[x^2] - E[x]^2 as flax 0.3.3 has it.
  const variance = tf.sub(tf.mul(overGroup(overImage(tf.square(x)), groups), 1 / n), tf.square(mean));
  const rstd = tf.rsqrt(tf.add(variance, eps));
  const a = tf.mul(rstd, scale.reshape([1, C]));
  const b = tf.sub(bias.reshape([1, C]), tf.mul(mean, a));
  return { a: a.reshape([B, 1, 1, C]), b: b.reshape([B, 1, 1, C]), mean, rstd };
}

interface GroupNormOptions {
  readonly swish?: boolean;
  readonly eps?: number;
  /** One op of our own each way, where the engine has them; default true. */
  readonly fused?: boolean;
}

/** Uses our own ops, forwards and backwards. */
function byOwnOps(x: Tensor4D, scale: Tensor, bias: Tensor, groups: number, swish: boolean, eps: number): Tensor4D {
  const attributes = [
    typeAttribute("T", FLOAT),
    { name: "groups", type: ATTR.INT, value: groups },
    { name: "swish", type: ATTR.BOOL, value: swish },
  ];
  const forward = tf.customGrad((...args) => {
    const inputs = args.slice(0, 3) as Tensor[];
    const save = args[3] as unknown as (tensors: Tensor[]) => void;
    const precision = { name: "eps", type: ATTR.FLOAT, value: eps };
    const [y, mean, rstd] = executeOps("ScoreStreamGroupNorm", [...attributes, precision], inputs, 3);
    save([...inputs, mean!, rstd!]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      executeOps("ScoreStreamGroupNormGrad", attributes, [dy, ...saved], 3);
    return { value: y!, gradFunc };
  });
  return forward(x, scale, bias) as Tensor4D;
}

/**
 * GroupNorm, then swish(y) = y sigmoid(y) unless `swish` is false.
 *
 * Between the passes only x is kept, and what is small: the backward pass computes the normalized x and its sigmoid anew,
 * when its turn comes. On a CPU each pass is one op where the engine has it, otherwise a chain of TensorFlow's.
 *
 * @param x [B, H, W, C], C divisible by `groups`
 * @param scale C values, any shape
 * @param bias C values, any shape
 * @see flax.linen.GroupNorm 0.3.3, eps 1e-6 in the reference
 */
export function groupNorm(
  x: Tensor4D,
  scale: Tensor,
  bias: Tensor,
  groups: number,
  { swish = true, eps = 1e-6, fused = true }: GroupNormOptions = {},
): Tensor4D {
  return (fused && hasOwnOps() ? byOwnOps : chained)(x, scale, bias, groups, swish, eps);
}

/** Uses TensorFlow's ops. */
function chained(x: Tensor4D, scale: Tensor, bias: Tensor, groups: number, swish: boolean, eps: number) {
  const [B, H, W, C] = x.shape;
  const n = H * W * (C / groups);
  const forward = tf.customGrad((x, scale, bias, save) => {
    const { a, b, mean, rstd } = affine(keepFloat32(x as Tensor4D), scale as Tensor, bias as Tensor, groups, eps);
    (save as (t: Tensor[]) => void)([x as Tensor, scale as Tensor, a, b, mean, rstd]);
    const y = tf.add(tf.mul(keepFloat32(x as Tensor), a), b);
    const gradFunc = (dout: Tensor, saved: Tensor[]) => {
      const [kept, scale, a, b, mean, rstd] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const x = keepFloat32(after(kept, dout));
      const dy = swish ? swishGradient(tf.add(tf.mul(x, a), b), dout) : dout;
      const sumDy = overImage(dy); // [B, C]
      const sumDyX = tf.mul(rstd, tf.sub(overImage(tf.mul(dy, x)), tf.mul(mean, sumDy))); // of dy * normalized x
      const weights = scale.reshape([1, C]);
      const meanDy = tf.mul(overGroup(tf.mul(sumDy, weights), groups), 1 / n);
      const meanDyX = tf.mul(overGroup(tf.mul(sumDyX, weights), groups), 1 / n);
      const slope = tf.mul(tf.mul(tf.square(rstd), meanDyX), -1);
      const offset = tf.neg(tf.add(tf.mul(rstd, meanDy), tf.mul(mean, slope)));
      const perImage = (t: Tensor) => t.reshape([B, 1, 1, C]);
      const dx = tf.add(tf.add(tf.mul(dy, a), tf.mul(x, perImage(slope))), perImage(offset));
      return [dx, tf.sum(sumDyX, 0).reshape(scale.shape), tf.sum(sumDy, 0).reshape((bias as Tensor).shape)];
    };
    return { value: swish ? tf.mul(y, tf.sigmoid(y)) : y, gradFunc };
  });
  return forward(x, scale, bias) as Tensor4D;
}

/** dout * d swish(y)/dy. */
function swishGradient(y: Tensor, dout: Tensor): Tensor {
  const s = tf.sigmoid(y);
  return tf.mul(dout, tf.mul(s, tf.add(tf.mul(y, tf.sub(1, s)), 1)));
}

/** x sigmoid(x), the swish or SiLU, with one saved tensor. */
export function swish<T extends Tensor>(x: T): T {
  return tf.customGrad((x, save) => {
    (save as (t: Tensor[]) => void)([x as Tensor]);
    const value = tf.mul(x as Tensor, tf.sigmoid(x as Tensor));
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => swishGradient(saved[0]!, dy) };
  })(x) as T;
}
