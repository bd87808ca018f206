import { type Examples, examplesOf } from "./examples.ts";

/** Images as bytes, in memory or read from the disk by their indices. Dequantization is a separate stage. */
export interface ImageDataset extends Examples<Uint8Array> {
  /** Name of the data set, including its version if there are two, such as `imagenet32-old`. */
  readonly name: string;
  readonly split: string;
  /** Shape of one image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Description for reports: the data, and the images left out when they were prepared. */
  readonly about: string;
  /** SHA-256 of all images, hexadecimal. It is the same for the same data in every folder. */
  readonly digest: string;
  /** Returns the same as `load`, but synchronously. @throws RangeError when an index is out of range. */
  gather(indices: ArrayLike<number>): Uint8Array;
}

/** Images with labels, in memory. */
export interface LoadedImages extends ImageDataset {
  /** Pixels in 0..255, [N, H, W, C] row-major. */
  readonly images: Uint8Array;
  /** Class of every image, [N]. */
  readonly labels: Uint8Array;
}

/** Images for {@link loadedImages}; without labels, all belong to class 0. */
export type ImagesInMemory = Pick<LoadedImages, "name" | "split" | "shape" | "images"> &
  Partial<Pick<LoadedImages, "labels">>;

/**
 * Creates a data set from images in memory, without copying them.
 *
 * @example
 * ```ts
 * const squares = loadedImages({ name: "squares", split: "train", shape: [8, 8, 1], images: new Uint8Array(6400) });
 * ```
 * @throws RangeError when the pixels are not a whole number of images.
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

/** Receives the progress of the preparation; `fraction` is in 0..1 if the end is known. */
export type OnProgress = (message: string, fraction?: number) => void;
