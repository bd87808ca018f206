import { createHash } from "node:crypto";
import { UsageError } from "../../base/errors.ts";
import { ordinal } from "../../base/format.ts";
import type { ImageDataset, ImageSplits } from "../dataset.ts";

/** Some of the images, found by `indexOf`. */
function part(data: ImageDataset, split: string, length: number, indexOf: (index: number) => number): ImageDataset {
  const indicesOf = (indices: ArrayLike<number>) =>
    Uint32Array.from(indices, (index) => {
      if (index >= 0 && index < length) return indexOf(index);
      throw new RangeError(`image ${index} is out of range: there are ${length}`);
    });
  return {
    ...data,
    split,
    length,
    digest: createHash("sha256").update(`${data.digest} ${split} ${length}`).digest("hex"),
    gather: (indices) => data.gather(indicesOf(indices)),
    load: async (indices) => data.load(indicesOf(indices)),
  };
}

/**
 * Holds every k-th image out for evaluation, k = round(1 / fraction): of images that are sorted by class or folder the
 * same share of each. Which they are depends on the data and the fraction only, not on a seed.
 *
 * @throws UsageError when there are fewer than k images.
 */
export function holdOut(data: ImageDataset, fraction: number): ImageSplits & { readonly every: number } {
  const every = Math.max(2, Math.round(1 / fraction));
  const held = Math.floor(data.length / every);
  if (held === 0) {
    const images = data.length === 1 ? "1 image is" : `${data.length} images are`;
    throw new UsageError(
      `${data.name}: ${images} too few to hold every ${ordinal(every)} out for evaluation`,
      data.length < 2
        ? "prepare more images, or a test split"
        : "prepare a test split, or hold out more with --set data.testFraction=0.5",
    );
  }
  return {
    every,
    train: part(data, "train", data.length - held, (index) => index + Math.floor(index / (every - 1))),
    test: part(data, "test", held, (index) => index * every + every - 1),
  };
}
