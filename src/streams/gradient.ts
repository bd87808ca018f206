import type { Tensor1D } from "@tensorflow/tfjs";
import { createBatch, type Batch } from "../data/batch.ts";

/** The part of a step that a gradient is of. */
export type GradientKind = "shard" | "reduced" | "step";

/**
 * A value between loss and optimizer: an Arrow batch of losses, and the gradient as a column that
 * stays on the device.
 *
 * The stage that emits it owns `values` and frees it when `next` returns: whoever needs it longer, in another process or
 * in a test, takes `toArrow()`.
 */
export interface Gradient<K extends GradientKind = GradientKind> {
  /**
   * "shard": of one shard of a step. "reduced": behind `allReduce`, of a shard or of all machines; `accumulate` sums
   * both. "step": of a whole step, which `adam` takes.
   */
  readonly of: K;
  /** `t` and `loss` of every example, float32 []. */
  readonly batch: Batch<"t" | "loss">;
  /** Gradient of the mean loss, float32 [P]. */
  readonly values: Tensor1D;
  /** The gradient in Arrow memory: one row, `gradient` float32 [P]. */
  toArrow(): Batch<"gradient">;
}

/** Makes a {@link Gradient} of losses and values; the caller keeps the values. */
export function gradientOf<K extends GradientKind>(of: K, batch: Batch<"t" | "loss">, values: Tensor1D): Gradient<K> {
  return {
    of,
    batch,
    values,
    toArrow: () =>
      createBatch({ gradient: { data: values.dataSync() as Float32Array, shape: [values.size] } }, batch.info),
  };
}
