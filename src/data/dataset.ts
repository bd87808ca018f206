import { type Examples, examplesOf } from "./examples.ts";

/** Images as bytes, so that dequantization stays a stage of its own; in memory, or read from the disk by their indices. */
export interface ImageDataset extends Examples<Uint8Array> {
  /** Name of the data set, and of its version where there are two, such as `imagenet32-old`. */
  readonly name: string;
  readonly split: string;
  /** Shape of one image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Description for reports: the data, and what was left out when they were prepared. */
  readonly about: string;
  /** SHA-256 that stands for all of the images, hexadecimal: the same data have the same one in every folder. */
  readonly digest: string;
  /** Like `load`, but at once. @throws RangeError when an index is out of range. */
  gather(indices: ArrayLike<number>): Uint8Array;
}

/** Images with labels, in memory. */
export interface LoadedImages extends ImageDataset {
  /** Pixels in 0..255, [N, H, W, C] row-major. */
  readonly images: Uint8Array;
  /** Class of every image, [N]. */
  readonly labels: Uint8Array;
}

/** Images for {@link loadedImages}; without labels all are of class 0. */
export type ImagesInMemory = Pick<LoadedImages, "name" | "split" | "shape" | "images"> &
  Partial<Pick<LoadedImages, "labels">>;

/**
 * A data set of images in memory, which are not copied.
 *
 * @example
 * ```ts
 * const squares = loadedImages({ name: "squares", split: "train", shape: [8, 8, 1], images: new Uint8Array(6400) });
 * ```
 * @throws RangeError when the pixels are no whole number of images.
 */
export function loadedImages({ name, split, shape, images, labels }: ImagesInMemory): LoadedImages {
  const held = examplesOf(images, shape);
  const load = (indices: ArrayLike<number>) => held.load(indices);
  return {
    ...{ name, about: name, split, shape, images, length: held.length, load, gather: load },
    labels: labels ?? new Uint8Array(held.length),
    close() {},
    get digest() {
      return held.digest;
    },
  };
}

/** A training and a test split. */
export interface ImageSplits<S extends ImageDataset = ImageDataset> {
  readonly train: S;
  readonly test: S;
}

/** Receives the progress of the preparation; `fraction` in 0..1 where the end is known. */
export type OnProgress = (message: string, fraction?: number) => void;
