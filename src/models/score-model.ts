/** The interface of a score network. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { ParameterSpec, Context } from "./scope.ts";

/** Shape of an image, [H, W, C]. */
export type ImageShape = readonly [number, number, number];

/**
 * A network's output for x [B, ...shape] and a time condition [B], in the shape of x; `SDE.scoreScale` makes it a score.
 *
 * A network of one's own declares its parameters by a `Scope` and computes with `tf`:
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
  /** Parameters by name, sorted; those of NCSN++ have the reference's names. */
  readonly parameters: readonly ParameterSpec[];
  /** Called inside `tf.tidy`, once eagerly and then as a recorded graph: it reads no values and draws no numbers of its own. */
  apply(context: Context, x: Tensor, timeCondition: Tensor1D): Tensor;
}

/** The shape of a network's images. @throws RangeError when it is for something else. */
export function imageShapeOf({ shape }: Pick<ScoreModel, "shape">): ImageShape {
  const [height, width, channels] = shape;
  if (shape.length === 3) return [height!, width!, channels!];
  throw new RangeError(`the network is for examples of [${shape.join(", ")}], not for images [H, W, C]`);
}
