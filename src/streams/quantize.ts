import { map, type OperatorFunction } from "rxjs";
import { floats, withColumns, type Batch } from "../data/batch.ts";

/**
 * Turns samples into bytes: 255 x, clipped to [0, 255] and truncated, after undoing the centring.
 *
 * @returns Batches with `image`, uint8 in the shape of `data`.
 * @see the reference's run_lib.py, evaluation of samples
 */
export function quantize<C extends string>({
  centered,
}: {
  readonly centered: boolean;
}): OperatorFunction<Batch<C | "data">, Batch<NoInfer<C> | "data" | "image">> {
  return map((batch) => {
    const { data, shape } = floats(batch, "data");
    const image = Uint8Array.from(data, (x) => Math.min(Math.max(255 * (centered ? (x + 1) / 2 : x), 0), 255));
    return withColumns(batch, { image: { data: image, shape } });
  });
}
