/** The Flow++ variational dequantizer: a flow from Gaussian noise to dequantization noise, given the image. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { Scope, type ParameterSpec } from "../scope.ts";
import { tupleFlip, pixelNorm, pointwise, type Bijection } from "./bijection.ts";
import { mergeColumns, splitColumns } from "./columns.ts";
import type { FlowContext } from "./context.ts";
import { mixtureCoupling } from "./coupling.ts";
import { FORMS, type FlowSizes, type FormName } from "./form.ts";
import { imageProcessor } from "./processor.ts";

export interface Dequantizer {
  /** Height, width and channels of the images. */
  readonly shape: readonly [number, number, number];
  /** Sorted by name; their values come from {@link initializeFromData}. */
  readonly parameters: readonly ParameterSpec[];
  /**
   * Draws dequantization noise u ~ q(u | x).
   *
   * @param noise Standard normal, [B, H, W, C].
   * @param image The pixels divided by 255, in [0, 1], [B, H, W, C].
   * @returns `u` in [0, 1], [B, H, W, C], and -log q(u | x) in nats, [B].
   */
  apply(context: FlowContext, noise: Tensor4D, image: Tensor4D): { readonly u: Tensor4D; readonly negLogQ: Tensor1D };
  /**
   * Finds the noise that {@link apply} turns into `u`.
   *
   * @param u In [0, 1], [B, H, W, C].
   * @returns `noise` [B, H, W, C], and the log-determinant of the inverse map in nats, [B].
   */
  inverse(context: FlowContext, u: Tensor4D, image: Tensor4D): { readonly noise: Tensor4D; readonly logDet: Tensor1D };
}

const sumPixels = (x: Tensor): Tensor1D => tf.sum(x, [1, 2, 3]);

/** log N(x; 0, I) of each example in nats: [B]. */
export function standardNormalLogDensity(x: Tensor4D): Tensor1D {
  const dims = x.size / x.shape[0];
  return tf.sub(tf.mul(sumPixels(tf.square(x)), -0.5), 0.5 * dims * Math.log(2 * Math.PI));
}

/** Probabilities nearer to 0 or 1 than this are moved there before their logit is taken, as in the reference. */
const SMALLEST = 1e-7;

const logDetOfSigmoid = (x: Tensor) => sumPixels(tf.neg(tf.add(tf.softplus(x), tf.softplus(tf.neg(x)))));

function logit(u: Tensor4D): Tensor4D {
  const inside = tf.clipByValue(u, SMALLEST, 1 - SMALLEST);
  return tf.sub(tf.log(inside), tf.log1p(tf.neg(inside)));
}

/**
 * Builds the dequantizer of one of the reference's forms.
 *
 * @param shape [H, W, C] of the images; W even, C at most 3.
 * @param sizes Where they differ from the form's own.
 * @throws RangeError when the shape or the sizes do not fit.
 * @see Ho et al., Flow++ (2019); Song et al. 2021, Section 5.2; the reference's models/flowpp
 */
export function flowppDequantizer(
  name: FormName,
  shape: readonly [number, number, number],
  sizes: Partial<FlowSizes> = {},
): Dequantizer {
  const [H, W, C] = shape;
  if (W % 2 || C > 3) {
    throw new RangeError(`flowppDequantizer: images need an even width and up to 3 channels, got [${shape}]`);
  }
  const form = FORMS[name];
  const all = { ...form.sizes, ...sizes };
  const half = [H, W / 2, C] as const;
  const scope = Scope.root();
  const processor = imageProcessor(scope, shape, form);
  const rounds = Array.from({ length: form.rounds }, () =>
    Array.from({ length: form.couplings }, (): Bijection[] => [
      pixelNorm(scope, half),
      ...(form.pointwise ? [pointwise(scope, half)] : []),
      mixtureCoupling(scope, half, form, all),
      tupleFlip,
    ]).flat(),
  );

  return {
    shape,
    parameters: scope.specs(),
    apply(context, noise, image) {
      const features = processor(context, image);
      let x = noise;
      let logDet: Tensor = tf.neg(standardNormalLogDensity(noise));
      for (const round of rounds) {
        let halves = splitColumns(x);
        for (const bijection of round) {
          const mapped = bijection.forward(context, halves, features);
          halves = mapped.halves;
          logDet = tf.add(logDet, mapped.logDet);
        }
        x = mergeColumns(halves);
      }
      return { u: tf.sigmoid(x), negLogQ: tf.add(logDet, logDetOfSigmoid(x)) };
    },
    inverse(context, u, image) {
      const features = processor(context, image);
      let x = logit(u);
      let logDet: Tensor = tf.neg(logDetOfSigmoid(x));
      for (const round of rounds.toReversed()) {
        let halves = splitColumns(x);
        for (const bijection of round.toReversed()) {
          const mapped = bijection.inverse(context, halves, features);
          halves = mapped.halves;
          logDet = tf.add(logDet, mapped.logDet);
        }
        x = mergeColumns(halves);
      }
      return { noise: x, logDet: logDet as Tensor1D };
    },
  };
}
