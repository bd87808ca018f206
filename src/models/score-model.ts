/** What a score network is to the rest of the program. */
import type { Tensor4D, Tensor1D } from "@tensorflow/tfjs-core";
import type { ParameterSpec, Context } from "./scope.ts";

/** A network's output for x [B, H, W, C] and a time condition [B]; `SDE.scoreScale` makes it a score. */
export interface ScoreModel {
  /** Shape of one image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Parameters under the reference's names, sorted. */
  readonly parameters: readonly ParameterSpec[];
  apply(context: Context, x: Tensor4D, timeCondition: Tensor1D): Tensor4D;
}
