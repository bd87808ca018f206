/** Residual blocks of Flow++: gated convolution, gated attention, layer normalization. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { layerNorm } from "../../ops/layer-norm.ts";
import type { Parameter, Scope } from "../scope.ts";
import { affineDense, type Affine, type FlowLayer } from "./affine.ts";
import type { FlowContext } from "./context.ts";

/** ELU of x and of -x: [B, H, W, C] -> [B, H, W, 2C]. */
export const concatElu = (x: Tensor4D): Tensor4D => tf.elu(tf.concat([x, tf.neg(x)], 3));

/** First half of the channels times the sigmoid of the second: [B, H, W, 2C] -> [B, H, W, C]. */
function gate(x: Tensor4D): Tensor4D {
  const [value, control] = tf.split(x, 2, 3) as [Tensor4D, Tensor4D];
  return tf.mul(value, tf.sigmoid(control));
}

/** The last layer of a block starts small, so that the block starts near the identity. */
const SMALL = 0.1;

export interface GatedConvOptions {
  readonly channels: number;
  /** The first convolution. */
  readonly conv: Affine;
  /** The layer before the gate. */
  readonly last: Affine;
  /** Channels of the auxiliary input; left out, the block has none. */
  readonly auxiliary?: number;
}

/** The reference's `gated_conv` (CIFAR-10) and `gated_resnet` (ImageNet): x + gate(last(elu(conv(elu(x)) + ...))). */
export function gatedConv(scope: Scope, name: string, { channels, conv, last, auxiliary }: GatedConvOptions) {
  const first = conv(scope, `${name}_c1`, { inputs: 2 * channels, outputs: channels });
  const project = auxiliary
    ? affineDense(scope, `${name}_a_proj`, { inputs: 2 * auxiliary, outputs: channels })
    : undefined;
  const second = last(scope, `${name}_c2`, { inputs: 2 * channels, outputs: 2 * channels, spread: SMALL });
  return (context: FlowContext, x: Tensor4D, a?: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const h = first(context, concatElu(x));
      const shifted = project && a ? tf.add<Tensor4D>(h, project(context, concatElu(a))) : h;
      return tf.add<Tensor4D>(x, gate(second(context, concatElu(shifted))));
    });
}

/** Normalization over the channels: `${name}_g` and `${name}_b`, [1, 1, 1, C]. */
export function layerNormalization(scope: Scope, name: string, channels: number): FlowLayer {
  const scale = scope.parameter<Tensor4D>(`${name}_g`, [1, 1, 1, channels], { kind: "ones" });
  const shift = scope.parameter<Tensor4D>(`${name}_b`, [1, 1, 1, channels], { kind: "zeros" });
  return (context, x) => layerNorm(x, scale(context), shift(context));
}

export interface GatedAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  /** Embedding of the positions, [H, W, C], shared by the blocks of a network. */
  readonly positions: Parameter;
}

/** Self-attention over the pixels, the reference's `gated_attn`: x + gate(proj2(attention(proj1(x + positions)))). */
export function gatedAttention(scope: Scope, name: string, options: GatedAttentionOptions): FlowLayer {
  const { channels: C, heads, positions } = options;
  if (C % heads) throw new RangeError(`gatedAttention: ${C} channels do not divide into ${heads} heads`);
  const width = C / heads;
  const projectIn = affineDense(scope, `${name}_proj1`, { inputs: C, outputs: 3 * C });
  const projectOut = affineDense(scope, `${name}_proj2`, { inputs: C, outputs: 2 * C, spread: SMALL });
  return (context, x) =>
    tf.tidy(() => {
      const [B, H, W] = x.shape;
      const projected = projectIn(context, tf.add<Tensor4D>(x, positions(context)));
      const [query, key, value] = (tf.split(projected, 3, 3) as Tensor4D[]).map(
        (t) => tf.transpose(t.reshape([B, H * W, heads, width]), [0, 2, 1, 3]) as Tensor4D,
      ) as [Tensor4D, Tensor4D, Tensor4D];
      const weights = tf.softmax(tf.mul(tf.matMul(query, key, false, true), width ** -0.5));
      const mixed = tf.transpose(tf.matMul(weights, value), [0, 2, 1, 3]).reshape<Tensor4D>([B, H, W, C]);
      return tf.add<Tensor4D>(x, gate(projectOut(context, mixed)));
    });
}

/** A learned embedding of the positions, [H, W, C]. */
export const positionEmbedding = (scope: Scope, name: string, shape: readonly number[]): Parameter =>
  scope.parameter(name, shape, { kind: "normal", std: 0.01 });
