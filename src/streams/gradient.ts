import type { Tensor1D } from "@tensorflow/tfjs";
import { createBatch, type Batch } from "../data/batch.ts";

/** The part of a step that a gradient covers. */
export type GradientKind = "shard" | "reduced" | "step";

/**
 * The value between loss and optimizer: an Arrow batch of losses, and the gradient as a column on the device.
 *
 * The stage that emits it owns `values` and frees it when `next` returns. Use `toArrow()` to keep it longer or to send
 * it to another process.
 */
export interface Gradient<K extends GradientKind = GradientKind> {
  /**
   * "shard": one shard of a step. "reduced": a shard, or all machines, after `allReduce`; `accumulate` takes these two.
   * "step": a whole step; `adam` takes it.
   */
  readonly of: K;
  /** `t` and `loss` of every example, float32 []. */
  readonly batch: Batch<"t" | "loss">;
  /** The gradient of the mean loss, float32 [P]. */
  readonly values: Tensor1D;
  /** The gradient in Arrow memory: one row, `gradient` float32 [P]. */
  toArrow(): Batch<"gradient">;
}

/** Makes a {@link Gradient} from losses and values; the caller keeps ownership of the values. */
export function gradientOf<K extends GradientKind>(of: K, batch: Batch<"t" | "loss">, values: Tensor1D): Gradient<K> {
  return {
    of,
    batch,
    values,
    toArrow: () =>
      createBatch({ gradient: { data: values.dataSync() as Float32Array, shape: [values.size] } }, batch.info),
  };
}
