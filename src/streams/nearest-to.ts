import { concatMap, type Observable, type OperatorFunction } from "rxjs";
import { bytes, type Batch } from "../data/batch.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { NearestSearch, type Nearest } from "../quality/nearest-images.ts";
import { owning } from "./owning.ts";

/** Options of {@link nearestTo}. */
export interface NearestToOptions {
  /** Shape of one image, [H, W, C]. */
  readonly shape: ImageDataset["shape"];
  /** Also compare with the images mirrored left to right, for models trained on mirrored images. */
  readonly mirror: boolean;
}

/**
 * Finds, among the images of the source, the nearest one to each of `wanted`, by the squared difference of the bytes.
 *
 * For N images of the source, it costs 2 M N H W C operations, or twice as many with `mirror`. It needs the memory of a
 * batch as floats.
 *
 * @example
 * ```ts
 * imageBatches.pipe(nearestTo(loaded.images, { shape: loaded.shape, mirror: true }));
 * ```
 * @param wanted Bytes, [M, H, W, C].
 * @returns The nearest images so far, after every batch; places count the images in the order of the source.
 */
export function nearestTo(
  wanted: Uint8Array,
  { shape, mirror }: NearestToOptions,
): OperatorFunction<Batch<"image">, Nearest> {
  return (source: Observable<Batch<"image">>) =>
    owning(
      () => new NearestSearch(wanted, shape, { mirror }),
      (search) => source.pipe(concatMap((batch) => search.add(bytes(batch, "image").data))),
    );
}
