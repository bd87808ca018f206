/** Layers of NCSN++. Each constructor declares parameters in a scope and returns a function that uses them. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import { conv2d, dense, nin } from "../ops/conv.ts";
import { dropped } from "../ops/dropout.ts";
import { groupNorm, swish } from "../ops/group-norm.ts";
import { upsample, upsampleConv } from "../ops/resample.ts";
import { scaledSum } from "../ops/scaled-sum.ts";
import type { Context, Scope } from "./scope.ts";

export type Activation = "swish" | "elu" | "relu" | "lrelu";
export type Layer = (context: Context, x: Tensor4D) => Tensor4D;
export type DenseLayer = (context: Context, x: Tensor2D) => Tensor2D;

/** The reference's `get_act`. */
export function activate<T extends Tensor>(x: T, activation: Activation): T {
  switch (activation) {
    case "swish":
      return swish(x);
    case "elu":
      return tf.elu(x);
    case "relu":
      return tf.relu(x);
    case "lrelu":
      return tf.leakyRelu(x, 0.2);
  }
}

/**
 * True in training, which has faster ops. Solvers follow the reference's steps, so its order of operations is kept
 * there.
 */
const isTraining = (context: Context) => context.dropoutSeed !== undefined;

export interface ConvOptions {
  readonly size?: number;
  readonly stride?: number;
  /** Convolves the input upsampled by nearest neighbours; sizes 1 and 3. */
  readonly upsampled?: boolean;
  /** Factor on the variance of the kernel at the start. */
  readonly initScale?: number;
}

/** `nn.Conv` with DDPM's initialization, parameters `Conv_i/kernel` [s, s, C, O] and `Conv_i/bias` [O]. */
export function conv(scope: Scope, C: number, O: number, options: ConvOptions = {}) {
  const { size = 3, stride = 1, upsampled = false, initScale = 1 } = options;
  const own = scope.child("Conv");
  const kernel = own.parameter<Tensor4D>("kernel", [size, size, C, O], { kind: "fanAverage", scale: initScale });
  const bias = own.parameter<Tensor1D>("bias", [O], { kind: "zeros" });
  const convolve = (context: Context, x: Tensor4D, bias?: Tensor1D): Tensor4D => {
    if (!upsampled) return conv2d(x, kernel(context), bias, stride);
    if (!isTraining(context)) return conv2d(upsample(x), kernel(context), bias);
    // Upsampled pixels are equal, so the convolution runs before.
    if (size === 1) return upsample(conv2d(x, kernel(context), bias));
    const y = upsampleConv(x, kernel(context));
    return bias ? tf.add(y, bias) : y;
  };
  /** `shift` [B, O] is added with the bias, in one pass. */
  return (context: Context, x: Tensor4D, shift?: Tensor2D): Tensor4D => {
    if (!shift) return convolve(context, x, bias(context));
    const total = tf.add(shift, bias(context)).reshape([x.shape[0], 1, 1, O]);
    return tf.add(convolve(context, x), total);
  };
}

/** `nn.Dense`, parameters `Dense_i/kernel` [I, O] and `Dense_i/bias` [O]. */
export function denseLayer(scope: Scope, I: number, O: number): DenseLayer {
  const own = scope.child("Dense");
  const kernel = own.parameter<Tensor2D>("kernel", [I, O], { kind: "fanAverage", scale: 1 });
  const bias = own.parameter<Tensor1D>("bias", [O], { kind: "zeros" });
  return (context, x) => dense(x, kernel(context), bias(context));
}

/** The reference's `NIN`, parameters `NIN_i/W` [C, O] and `NIN_i/b` [O]. */
export function ninLayer(scope: Scope, C: number, O: number, initScale = 0.1): Layer {
  const own = scope.child("NIN");
  const weight = own.parameter<Tensor2D>("W", [C, O], { kind: "fanAverage", scale: initScale });
  const bias = own.parameter<Tensor1D>("b", [O], { kind: "zeros" });
  return (context, x) => nin(x, weight(context), bias(context));
}

/** `nn.GroupNorm` with min(C / 4, 32) groups, then `activation` if one is given. */
export function norm(scope: Scope, C: number, activation?: Activation): Layer {
  const own = scope.child("GroupNorm");
  const scale = own.parameter("scale", [1, 1, 1, C], { kind: "ones" });
  const bias = own.parameter("bias", [1, 1, 1, C], { kind: "zeros" });
  const groups = Math.min(C >> 2, 32);
  return (context, x) => {
    const fused = activation === "swish";
    const y = groupNorm(x, scale(context), bias(context), groups, { swish: fused, fused: isTraining(context) });
    return activation && !fused ? activate(y, activation) : y;
  };
}

/** `nn.Dropout`: active where the context has a seed. */
export function dropout(scope: Scope, rate: number): Layer {
  const stream = scope.stream();
  return (context, x) => {
    const seed = context.dropoutSeed;
    return seed && rate > 0 ? dropped(x, { rate, seed, stream }) : x;
  };
}

/** x + h, divided by sqrt 2 under `skipRescale`. */
export function residual(x: Tensor4D, h: Tensor4D, skipRescale: boolean): Tensor4D {
  return skipRescale ? scaledSum(x, h, Math.SQRT1_2) : tf.add<Tensor4D>(x, h);
}

/** Self-attention over the pixels with one head, the reference's `AttnBlockpp`. */
export function attention(parent: Scope, C: number, initScale: number, skipRescale: boolean): Layer {
  const scope = parent.child("AttnBlockpp");
  const normalize = norm(scope, C);
  const query = ninLayer(scope, C, C);
  const key = ninLayer(scope, C, C);
  const value = ninLayer(scope, C, C);
  const out = ninLayer(scope, C, C, initScale);
  return (context, x) => {
    const [B, H, W] = x.shape;
    const h = normalize(context, x);
    const flat = (layer: Layer) => layer(context, h).reshape<Tensor>([B, H * W, C]);
    const logits = tf.matMul(flat(query), flat(key), false, true);
    const weights = tf.softmax(tf.mul(logits, C ** -0.5));
    const mixed = tf.matMul(weights, flat(value)).reshape<Tensor4D>([B, H, W, C]);
    return residual(x, out(context, mixed), skipRescale);
  };
}

/** Sinusoidal embedding of times [B] as [B, dim], sine before cosine, frequencies 10000^(-i / (half - 1)). */
export function timestepEmbedding(t: Tensor1D, dim: number): Tensor2D {
  const half = dim >> 1;
  const step = Math.log(10_000) / (half - 1);
  const frequencies = tf.tensor2d(
    Array.from({ length: half }, (_, i) => Math.exp(Math.fround(i) * Math.fround(-step))),
    [1, half],
  );
  const angles = tf.mul(t.reshape([-1, 1]), frequencies);
  const parts = [tf.sin(angles), tf.cos(angles)] as Tensor2D[];
  if (dim % 2) parts.push(tf.zeros([t.shape[0], 1]));
  return tf.concat(parts, 1) as Tensor2D;
}

/**
 * x [B, H, W, C] with its sines, then its cosines, at the frequencies 2^n: sin(2^n 2 pi x). They show the network
 * details that are smaller than what it resolves, as a change of one level of 256 is.
 *
 * @param exponents The numbers n; without any, x itself.
 * @see Kingma et al. 2021, Variational Diffusion Models, Appendix C, with n = 6, 7 for x in [-1, 1]
 */
export function withFourierFeatures(x: Tensor4D, exponents: readonly number[]): Tensor4D {
  if (exponents.length === 0) return x;
  const angles = exponents.map((n) => tf.mul<Tensor4D>(x, 2 ** n * 2 * Math.PI));
  return tf.concat([x, ...angles.map((angle) => tf.sin(angle)), ...angles.map((angle) => tf.cos(angle))], 3);
}

/** Gaussian Fourier features of [B] as [B, 2 dim]; the frequencies are a parameter that is not trained. */
export function fourierEmbedding(parent: Scope, dim: number, scale: number) {
  const scope = parent.child("GaussianFourierProjection");
  const frequencies = scope.parameter<Tensor1D>("W", [dim], { kind: "normal", std: scale });
  return (context: Context, x: Tensor1D): Tensor2D => {
    const constant = tf.customGrad((w) => ({
      value: tf.add(w as Tensor, 0),
      gradFunc: (dy: Tensor) => tf.zerosLike(dy),
    }))(frequencies(context));
    const angles = tf.mul(tf.mul(x.reshape([-1, 1]), constant.reshape([1, dim])), 2 * Math.PI);
    return tf.concat([tf.sin(angles), tf.cos(angles)], 1) as Tensor2D;
  };
}
