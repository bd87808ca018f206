/** The interface of every reader of images: entries, one an image, in the order of the files. */

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
  /** @throws BadDataError when the image is damaged; what the file system says. */
  load(): Picture | Promise<Picture>;
}

/** A file that images are read from; when it changes, work done on it is out of date. */
export interface FileStamp {
  /** Absolute. */
  readonly path: string;
  /** Name of the array in it, where arrays of several splits are in one file. */
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

/** Images in files. Memory does not grow with their number: entries are read as they are asked for. */
export interface Source {
  /** Name of the format, as the command line has it. */
  readonly format: string;
  readonly split: string;
  /** The version, where two data sets have the same name. */
  readonly version?: string | undefined;
  /** Number of images, where it is known beforehand. */
  readonly length?: number | undefined;
  /** Shape that every image must have, where it is known beforehand. */
  readonly shape?: Shape | undefined;
  /** Labels lie in [0, classes). */
  readonly classes?: number | undefined;
  /** Name of class i is `classNames[i]`. */
  readonly classNames?: readonly string[] | undefined;
  readonly files: readonly FileStamp[];
  /** The path given for the whole source. */
  readonly from?: string | undefined;
  /** The user's file that exports the format; absent where it comes with the program, empty where none is known. */
  readonly formatFile?: string | undefined;
  /** Content beside the images that is not read; absent where nothing is known of it. */
  readonly passedOver?: readonly PassedOver[] | undefined;
  /**
   * Content that is met only while an archive is read, and is not read itself. Call it once all images have been read.
   */
  readonly passedInside?: (() => readonly PassedOver[]) | undefined;
  /**
   * Every image from the first on. A damaged one is an entry whose `load` fails, and the next follow where they can.
   *
   * @throws UsageError when what is wrong is not one image: labels missing, another version of the data set.
   */
  entries(): AsyncIterable<SourceEntry>;
}

/** Number of values of an image of this shape. */
export const pixelsOf = ([height, width, channels]: Shape): number => height * width * channels;

/** A shape as people read it, "32 x 32 x 3". */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
