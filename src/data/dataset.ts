/** Images with labels, in memory; the pixels are bytes, so that dequantization stays a stage of its own. */
export interface LoadedImages {
  /** Name of the data set, such as `cifar10`. */
  readonly name: string;
  readonly split: "train" | "test";
  /** Number of images, N. */
  readonly length: number;
  /** Shape of one image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Pixels in 0..255, [N, H, W, C] row-major. */
  readonly images: Uint8Array;
  /** Class of every image, [N]. */
  readonly labels: Uint8Array;
}

/** Images too many for the memory: read by their indices, in any order. */
export interface StoredImages {
  /** Name of the data set, and of its version where there are two, such as `imagenet32-old`. */
  readonly name: string;
  readonly split: string;
  /** Number of images, N. */
  readonly length: number;
  /** Shape of one image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Description for reports: the data, and what was left out when they were prepared. */
  readonly about: string;
  /** SHA-256 that stands for all of the images, hexadecimal. */
  readonly digest: string;
  /** Images by index at once, [B, H, W, C]. @throws RangeError when an index is out of range. */
  gather(indices: ArrayLike<number>): Uint8Array;
  /** Like {@link gather}, but reads while something else is done. */
  load(indices: ArrayLike<number>): Promise<Uint8Array>;
  /** Closes the files. */
  close(): void;
}

/** Images in memory or on the disk. */
export type ImageDataset = LoadedImages | StoredImages;

/** A training and a test split. */
export interface ImageSplits<S extends ImageDataset = ImageDataset> {
  readonly train: S;
  readonly test: S;
}

/** Images by index, [B, H, W, C]. */
export function imagesAt(data: ImageDataset, indices: ArrayLike<number>): Uint8Array {
  if ("gather" in data) return data.gather(indices);
  const size = data.shape[0] * data.shape[1] * data.shape[2];
  const out = new Uint8Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const first = indices[i]! * size;
    out.set(data.images.subarray(first, first + size), i * size);
  }
  return out;
}

/** Receives the progress of the preparation; `fraction` in 0..1 where the end is known. */
export type OnProgress = (message: string, fraction?: number) => void;
