/** Dropout with masks that are drawn where they are needed, anew in the backward pass. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { ATTR } from "../engine/graph-def.ts";
import { FLOAT, executeOp, hasOwnOps, typeAttribute } from "../engine/kernels.ts";
import { tf } from "../engine/tf.ts";
import { statelessUniform } from "./stateless-uniform.ts";

interface DropoutOptions {
  readonly rate: number;
  /** int32 [2]; an input of the compiled function, so that every run draws anew. */
  readonly seed: Tensor1D;
  /** Distinguishes draws of one seed. */
  readonly stream: number;
  /** Uses our own op where the engine has it, with equal bits; default true. */
  readonly fused?: boolean;
}

/** `x` with a share of `rate` of its numbers at 0, and the others divided by 1 - rate. */
export function dropped<T extends Tensor>(x: T, { rate, seed, stream, fused = true }: DropoutOptions): T {
  const factor = 1 / (1 - rate);
  if (!fused || !hasOwnOps()) {
    const kept = tf.floor(tf.add(statelessUniform(x.shape, seed, stream), 1 - rate));
    return tf.mul(x, tf.mul(kept, factor));
  }
  const attributes = [
    typeAttribute("T", FLOAT),
    { name: "kept", type: ATTR.FLOAT, value: 1 - rate },
    { name: "factor", type: ATTR.FLOAT, value: factor },
  ];
  const masked = (...inputs: Tensor[]) => executeOp("ScoreStreamDropout", attributes, inputs);
  return tf.customGrad((x, save) => {
    const own = tf.add(seed, tf.tensor1d([0, stream], "int32"));
    (save as (tensors: Tensor[]) => void)([own]);
    return { value: masked(x as Tensor, own), gradFunc: (dy: Tensor, saved: Tensor[]) => masked(dy, saved[0]!) };
  })(x) as T;
}
