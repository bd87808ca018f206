import { concatMap, type Observable, type OperatorFunction } from "rxjs";
import { bytes, type Batch } from "../data/batch.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { NearestSearch, type Nearest } from "../quality/nearest-images.ts";
import { owning } from "./owning.ts";

/** Options of {@link nearestTo}. */
export interface NearestToOptions {
  /** Shape of one image, [H, W, C]. */
  readonly shape: ImageDataset["shape"];
  /** Compare with the images mirrored left to right too, as a training sees them that mirrors. */
  readonly mirror: boolean;
}

/**
 * Looks for the image nearest to each of `wanted` among those that come, by the squared difference of the bytes.
 *
 * It costs 2 M N H W C operations for N images that come, twice as many with `mirror`, and the memory of a batch as floats.
 *
 * @example
 * ```ts
 * imageBatches.pipe(nearestTo(loaded.images, { shape: loaded.shape, mirror: true }));
 * ```
 * @param wanted Bytes, [M, H, W, C].
 * @returns After every batch the nearest so far; places count the images in the order of their coming.
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
