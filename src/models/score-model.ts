/** The interface of a score network. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { ParameterSpec, Context } from "./scope.ts";

/** Shape of an image, [H, W, C]. */
export type ImageShape = readonly [number, number, number];

/**
 * A score network. Its output has the shape of its input x [B, ...shape], and depends on a time condition [B].
 * `SDE.scoreScale` turns the output into a score.
 *
 * To write your own network, declare its parameters with a `Scope` and compute with `tf`:
 *
 * ```ts
 * function linear(dims: number): ScoreModel {
 *   const scope = Scope.root();
 *   const dense = denseLayer(scope, dims, dims);
 *   return { shape: [dims], parameters: scope.specs(), apply: (context, x: Tensor2D) => dense(context, x) };
 * }
 * ```
 */
export interface ScoreModel<S extends readonly number[] = readonly number[]> {
  /** Shape of one example: [H, W, C] of images, [D] of vectors. */
  readonly shape: S;
  /** Parameters sorted by name; NCSN++ uses the reference's names. */
  readonly parameters: readonly ParameterSpec[];
  /**
   * Computes the output. It is called inside `tf.tidy`, once eagerly and then as a recorded graph, so it must not read
   * values or draw random numbers itself.
   */
  apply(context: Context, x: Tensor, timeCondition: Tensor1D): Tensor;
}

/** Returns the shape of a network's images. @throws RangeError when the network is not for images. */
export function imageShapeOf({ shape }: Pick<ScoreModel, "shape">): ImageShape {
  const [height, width, channels] = shape;
  if (shape.length === 3) return [height!, width!, channels!];
  throw new RangeError(`the network is for examples of [${shape.join(", ")}], not for images [H, W, C]`);
}
