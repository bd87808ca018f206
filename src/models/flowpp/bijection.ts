/** Invertible maps of the two halves of an image's columns, without parameters of a network. */
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { UsageError } from "../../base/errors.ts";
import { nin } from "../../ops/conv.ts";
import { invertMatrix, logAbsDeterminant } from "../../ops/small-matrix.ts";
import type { Parameter, Scope } from "../scope.ts";
import type { Halves } from "./columns.ts";
import { standardizing, type FlowContext } from "./context.ts";

export interface Mapped {
  readonly halves: Halves;
  /** Log-determinant of the Jacobian in nats: [B], or a scalar where it does not depend on the example. */
  readonly logDet: Tensor;
}

/** An invertible map that may depend on features of the image, [B, H, W/2, 32]. */
export interface Bijection {
  forward(context: FlowContext, halves: Halves, features: Tensor4D): Mapped;
  /** `logDet` is that of the inverse map. */
  inverse(context: FlowContext, halves: Halves, features: Tensor4D): Mapped;
}

const pair = <T>(of: (half: 0 | 1) => T): [T, T] => [of(0), of(1)];

/** Smallest scale of a pixel, and smallest one in the log-determinant, as in the reference. */
const [MIN_SCALE, MIN_DETERMINANT] = [1e-10, 1e-7];

/**
 * `Norm`: a scale and a shift for each pixel and channel, set to give mean 0 and variance 1 over the batch of the
 * initialization. Parameters `Norm_i/norm0_g`, `norm0_b` (even columns), `norm1_g`, `norm1_b` (odd columns), [H, W/2, C].
 */
export function pixelNorm(parent: Scope, shape: readonly number[]): Bijection {
  const scope = parent.child("Norm");
  const scales = pair((half) => scope.parameter<Tensor>(`norm${half}_g`, shape, { kind: "ones" }));
  const shifts = pair((half) => scope.parameter<Tensor>(`norm${half}_b`, shape, { kind: "zeros" }));
  const scaleOf = (context: FlowContext, half: 0 | 1) => tf.maximum(scales[half](context), MIN_SCALE);
  const logDet = (context: FlowContext) => {
    const [even, odd] = pair((half) => tf.sum(tf.log(tf.maximum(scaleOf(context, half), MIN_DETERMINANT))));
    return tf.add(even, odd);
  };
  const adapt = (context: FlowContext, halves: Halves) => {
    if (!context.adapt) return;
    if (halves[0].shape[0] < 2) {
      throw new UsageError(
        "the dequantizer cannot be initialized from one image: a variance needs two",
        "use a batch size of 2 or more",
      );
    }
    for (const half of [0, 1] as const) {
      const { scale, shift } = standardizing(halves[half], [0]);
      context.adapt(scales[half], scale);
      context.adapt(shifts[half], shift);
    }
  };
  return {
    forward(context, halves) {
      adapt(context, halves);
      const normalized = pair((half) =>
        tf.add<Tensor4D>(tf.mul(halves[half], scaleOf(context, half)), shifts[half](context)),
      );
      return { halves: normalized, logDet: logDet(context) };
    },
    inverse: (context, halves) => ({
      halves: pair((half) => tf.div<Tensor4D>(tf.sub(halves[half], shifts[half](context)), scaleOf(context, half))),
      logDet: tf.neg(logDet(context)),
    }),
  };
}

/** Initial distance of the matrices of {@link pointwise} from the identity. */
const NOISE = 0.001;

/** `Pointwise`: a matrix over the channels of each half, `Pointwise_i/W0` and `W1`, [C, C]; C at most 3. */
export function pointwise(parent: Scope, [H, W, C]: readonly [number, number, number]): Bijection {
  const scope = parent.child("Pointwise");
  const matrices = pair((half) => scope.parameter<Tensor2D>(`W${half}`, [C, C], { kind: "normal", std: NOISE }));
  const logDet = (context: FlowContext) => {
    const [even, odd] = pair((half) => logAbsDeterminant(matrices[half](context)));
    return tf.mul(tf.add(even, odd), H * W);
  };
  const multiply = (x: Tensor4D, matrix: Tensor2D) => nin(x, matrix, tf.zeros([C]));
  const startNearIdentity = (context: FlowContext, matrix: Parameter<Tensor2D>) =>
    context.adapt?.(matrix, tf.add(tf.eye(C), matrix(context)));
  return {
    forward(context, halves) {
      for (const matrix of matrices) startNearIdentity(context, matrix);
      return { halves: pair((half) => multiply(halves[half], matrices[half](context))), logDet: logDet(context) };
    },
    inverse: (context, halves) => ({
      halves: pair((half) => multiply(halves[half], invertMatrix(matrices[half](context)))),
      logDet: tf.neg(logDet(context)),
    }),
  };
}

/** `TupleFlip`: exchanges the halves. */
export const tupleFlip: Bijection = {
  forward: (_context, [even, odd]) => ({ halves: [odd, even], logDet: tf.scalar(0) }),
  inverse: (_context, [even, odd]) => ({ halves: [odd, even], logDet: tf.scalar(0) }),
};
