import type { SampleRange } from "./samples.ts";

/** Options that turn images into the pictures of a data set. */
export interface ImageOptions {
  /**
   * Side of the central square that is kept; absent, the largest square when `size` is given, else the whole image.
   * CelebA at the reference's settings: 140.
   */
  readonly crop?: number | undefined;
  /** Side of the picture in pixels; absent, as it is. */
  readonly size?: number | undefined;
  /** 1 grey, 3 colour; absent, colour for image files and as it is for arrays. */
  readonly channels?: 1 | 3 | undefined;
  /** Kernel of the resampling, widened when it shrinks so that nothing aliases; default "cubic" (Keys, a = -0.5). */
  readonly filter?: "linear" | "cubic" | "lanczos3" | undefined;
  /** Rows are columns and the other way round, as in EMNIST. */
  readonly transpose?: boolean | undefined;
  /** Samples that are black and white; absent, those of their type, where it has such. */
  readonly range?: SampleRange | undefined;
}

/** Options to open a source with. */
export interface SourceOptions extends ImageOptions {
  /** File or folder. */
  readonly path: string;
  readonly split: string;
  /** Downsampled ImageNet: the one of 2016 ("old", PNG archives) or of 2017 ("new", npz batches). */
  readonly version?: string | undefined;
  /** Folders: "folders" takes the name of an image's folder for its class. */
  readonly labels?: "none" | "folders" | undefined;
  /** Tables, records and arrays: the name of the column, feature or array of images; absent, the usual names. */
  readonly imageColumn?: string | undefined;
  /** The same of the labels; "none" reads none. */
  readonly labelColumn?: string | undefined;
  /** Arrays and lists of pixels: which axis the channels are on. */
  readonly layout?: "hwc" | "chw" | undefined;
  /** Flat lists of pixels: lengths of the axes of an image in their order, [H, W, C] or, with layout "chw", [C, H, W]. */
  readonly shape?: readonly number[] | undefined;
  /** Leave files that cannot be read out, each as a bad entry in its place, rather than fail to open. */
  readonly skipBad?: boolean | undefined;
  /** Folder in which fetched data are kept. */
  readonly cacheDir?: string | undefined;
}
