/** Images with labels, in memory; the pixels are bytes, so that dequantization stays a stage of its own. */
export interface ImageDataset {
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

/** Told what goes on while data is prepared; `fraction` in 0..1 where the end is known. */
export type Progress = (message: string, fraction?: number) => void;
