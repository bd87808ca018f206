/** The interface of every reader of images: one entry per image, in the order of the files. */

import type { PassedOver } from "./passed-over.ts";

/** Shape of one image, [H, W, C]. */
export type Shape = readonly [number, number, number];

/** Pixels in 0..255, [H, W, C] row-major. */
export interface Picture {
  readonly data: Uint8Array;
  readonly shape: Shape;
}

/** One image that has been found but not yet decoded, so that many can be decoded at once. */
export interface SourceEntry {
  /** File and index, for messages. */
  readonly name: string;
  /** Class, an integer >= 0. */
  readonly label?: number;
  /** Set on the placeholder of unreadable images: how many, and whether that is not known. */
  readonly fault?: { readonly lost: number; readonly whole: boolean };
  /** Decodes the image. @throws BadDataError when the image is damaged; errors of the file system. */
  load(): Picture | Promise<Picture>;
}

/** A source file of images; if it changes, work based on it is out of date. */
export interface FileStamp {
  /** Absolute path. */
  readonly path: string;
  /** Name of the array in the file, if one file contains arrays of several splits. */
  readonly part?: string | undefined;
  /** Size of the file; of a folder, the size of all its images. */
  readonly bytes: number;
  /** Time of change, milliseconds since 1970; of a folder, the newest image's. */
  readonly modified: number;
  /** Number of images; of a folder only. */
  readonly images?: number | undefined;
  /** SHA-256 over the images' names, sizes and times; of a folder only. */
  readonly listing?: string | undefined;
}

/** Images in files. Entries are read on demand, so memory does not grow with their number. */
export interface Source {
  /** Name of the format on the command line. */
  readonly format: string;
  readonly split: string;
  /** The version, if two data sets have the same name. */
  readonly version?: string | undefined;
  /** Number of images, if it is known beforehand. */
  readonly length?: number | undefined;
  /** Shape that every image must have, if it is known beforehand. */
  readonly shape?: Shape | undefined;
  /** Labels lie in [0, classes). */
  readonly classes?: number | undefined;
  /** Name of class i is `classNames[i]`. */
  readonly classNames?: readonly string[] | undefined;
  readonly files: readonly FileStamp[];
  /** The path given for the whole source. */
  readonly from?: string | undefined;
  /** The user's file that exports the format; absent for built-in formats, empty if it is not known. */
  readonly formatFile?: string | undefined;
  /** Other content that is not read; absent if nothing is known about it. */
  readonly passedOver?: readonly PassedOver[] | undefined;
  /**
   * Returns other content that is only found while an archive is read. Call it after all images have been read.
   */
  readonly passedInside?: (() => readonly PassedOver[]) | undefined;
  /**
   * Yields every image, from the first one on. The `load` of a damaged one fails, and the next images follow if they
   * can be read.
   *
   * @throws UsageError when the fault is not in a single image: labels are missing, or the data set is another version.
   */
  entries(): AsyncIterable<SourceEntry>;
}

/** Returns the number of values of an image of this shape. */
export const pixelsOf = ([height, width, channels]: Shape): number => height * width * channels;

/** A shape as people read it, "32 x 32 x 3". */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
