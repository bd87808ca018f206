import { map, type OperatorFunction } from "rxjs";
import { bytes, withColumns, type Batch } from "../data/batch.ts";
import { mirrorImage } from "../data/mirror.ts";
import { randomKey } from "../base/random.ts";
import { requireColumns } from "./places.ts";
import { seedOf } from "./seed-of.ts";

/**
 * Mirrors each image left to right with probability one half, decided by (seed, index of the sample in the run).
 *
 * @example
 * ```ts
 * imageBatches.pipe(flip({ seed: 1 }));
 * ```
 * @returns Batches with `image` (uint8 [H, W, C]) replaced.
 * @see the reference's datasets.py, tf.image.random_flip_left_right
 */
export function flip<C extends string>({
  seed,
}: {
  readonly seed: number;
}): OperatorFunction<Batch<C | "image">, Batch<NoInfer<C> | "image">> {
  return map((batch) => {
    requireColumns("flip", batch, "image");
    const { data, shape } = bytes(batch, "image");
    const [H, W, C] = shape as [number, number, number];
    const out = data.slice();
    const drawn = seedOf(seed, batch.info);
    for (let b = 0; b < batch.size; b++) {
      const [word] = randomKey(drawn, "flip", batch.info.firstSample + b);
      if (word & 1) mirrorImage(data, out, b * H * W * C, [H, W, C]);
    }
    return withColumns(batch, { image: { data: out, shape } });
  });
}
