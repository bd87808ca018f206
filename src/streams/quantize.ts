import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";
import { requireColumns } from "./places.ts";

/**
 * Turns samples into bytes: 255 x, clipped to [0, 255] and truncated, after undoing the centring.
 *
 * @example
 * ```ts
 * dataBatches.pipe(quantize({ centered: true }));
 * ```
 * @returns Batches with `image`, uint8 in the shape of `data`.
 * @see the reference's run_lib.py, evaluation of samples
 */
export function quantize<C extends string>({
  centered,
}: {
  readonly centered: boolean;
}): OperatorFunction<Batch<C | "data">, Batch<NoInfer<C> | "data" | "image">> {
  return map((batch) => {
    requireColumns("quantize", batch, "data");
    const { data, shape } = floats(batch, "data");
    const image = new Uint8Array(data.length);
    // Written as a loop, because `Uint8Array.from` with a function takes many times as long.
    for (let i = 0; i < image.length; i++) {
      const value = centered ? (data[i]! + 1) / 2 : data[i]!;
      image[i] = Math.min(Math.max(255 * value, 0), 255);
    }
    return withColumns(batch, { image: { data: image, shape } });
  });
}
