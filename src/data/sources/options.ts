import type { SampleRange } from "./samples.ts";

/** Options that turn images into the pictures of a data set. */
export interface ImageOptions {
  /**
   * Side of the central square to keep; absent: the largest square if `size` is given, otherwise the whole image. The
   * reference uses 140 for CelebA.
   */
  readonly crop?: number | undefined;
  /** Side of the picture in pixels; absent: unchanged. */
  readonly size?: number | undefined;
  /** 1 grey, 3 colour; absent: colour for image files, unchanged for arrays. */
  readonly channels?: 1 | 3 | undefined;
  /** Kernel of the resampling, widened when an image shrinks to avoid aliasing; default "cubic" (Keys, a = -0.5). */
  readonly filter?: "linear" | "cubic" | "lanczos3" | undefined;
  /** Swap rows and columns, as needed for EMNIST. */
  readonly transpose?: boolean | undefined;
  /** Sample values that mean black and white; absent: those of the type, if it defines them. */
  readonly range?: SampleRange | undefined;
}

/** Options to open a source with. */
export interface SourceOptions extends ImageOptions {
  /** File or folder. */
  readonly path: string;
  readonly split: string;
  /** Downsampled ImageNet: the version of 2016 ("old", PNG archives) or of 2017 ("new", npz batches). */
  readonly version?: string | undefined;
  /** Folders: "folders" uses the name of an image's folder as its class. */
  readonly labels?: "none" | "folders" | undefined;
  /** Tables, records and arrays: name of the column, feature or array of images; absent: the usual names. */
  readonly imageColumn?: string | undefined;
  /** Name of the column, feature or array of labels; "none": read no labels. */
  readonly labelColumn?: string | undefined;
  /** Arrays and lists of pixels: position of the channel axis. */
  readonly layout?: "hwc" | "chw" | undefined;
  /** Flat lists of pixels: lengths of the axes of an image in their order, [H, W, C] or, with layout "chw", [C, H, W]. */
  readonly shape?: readonly number[] | undefined;
  /** Replace each unreadable file by a bad entry, instead of failing to open. */
  readonly skipBad?: boolean | undefined;
  /** Folder in which fetched data are kept. */
  readonly cacheDir?: string | undefined;
}
