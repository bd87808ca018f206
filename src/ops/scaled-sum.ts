/** (a + b) times a number, in one pass over memory where the engine has an op of ours for it. */
import type { Tensor } from "@tensorflow/tfjs";
import { ATTR } from "../engine/graph-def.ts";
import { FLOAT, executeOp, hasOwnOps, typeAttribute } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";

/** Uses our own op. */
const byOwnOp = (scale: number, ...inputs: Tensor[]) =>
  executeOp(
    "ScoreStreamScaledSum",
    [
      typeAttribute("T", FLOAT),
      { name: "N", type: ATTR.INT, value: inputs.length },
      { name: "scale", type: ATTR.FLOAT, value: scale },
    ],
    inputs,
  );

/** (a + b) scale, of one shape. */
export function scaledSum<T extends Tensor>(a: T, b: T, scale: number): T {
  if (!hasOwnOps()) return tf.mul(tf.add(a, b), scale);
  return tf.customGrad((a, b) => ({
    value: byOwnOp(scale, a as Tensor, b as Tensor),
    gradFunc(dy: Tensor) {
      const scaled = byOwnOp(scale, dy);
      return [scaled, scaled.clone()];
    },
  }))(a, b) as T;
}
