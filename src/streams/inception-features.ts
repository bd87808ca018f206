import { concatMap, type OperatorFunction } from "rxjs";
import { bytes, withColumns, type Batch } from "../data/batch.ts";
import { turn } from "../base/turn.ts";
import type { Inception } from "../quality/inception/inception.ts";

/** Options of {@link inceptionFeatures}. */
export interface InceptionFeaturesOptions {
  /** Images per network call, which determines the memory; larger batches are split. */
  readonly batchSize: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the features and logits of the Inception network for images.
 *
 * @example
 * ```ts
 * imageBatches.pipe(inceptionFeatures(inception, { batchSize: 32 }));
 * ```
 * @returns Batches with `pool3`, float32 [dims], and `logits`, float32 [classes].
 * @throws RangeError when `batchSize` is not a positive integer.
 * @see the reference's evaluation.py run_inception_jit
 */
export function inceptionFeatures<C extends string>(
  network: Inception,
  { batchSize, signal }: InceptionFeaturesOptions,
): OperatorFunction<Batch<C | "image">, Batch<NoInfer<C> | "image" | "pool3" | "logits">> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`inceptionFeatures: batchSize must be a positive integer, got ${batchSize}`);
  }
  const { dims, classes } = network;
  return concatMap(async (batch) => {
    const { data, shape } = bytes(batch, "image");
    const width = shape.reduce((a, b) => a * b, 1);
    const pool3 = new Float32Array(batch.size * dims);
    const logits = new Float32Array(batch.size * classes);
    for (let first = 0; first < batch.size; first += batchSize) {
      await turn(signal);
      const found = network.features(data.subarray(first * width, (first + batchSize) * width), shape);
      pool3.set(found.pool3, first * dims);
      logits.set(found.logits, first * classes);
    }
    return withColumns(batch, { pool3: { data: pool3, shape: [dims] }, logits: { data: logits, shape: [classes] } });
  });
}
