/** What every reader of images gives: entries, one an image, in the order of the files. */

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
  /** Of a folder, of all its images. */
  readonly bytes: number;
  /** Milliseconds since 1970; of a folder, when the newest image was written. */
  readonly modified: number;
  /** Of a folder, how many images it has. */
  readonly images?: number | undefined;
  /** Of a folder, SHA-256 over their names, sizes and times. */
  readonly listing?: string | undefined;
}

/** Images in files. Memory does not grow with their number: entries are read as they are asked for. */
export interface Source {
  /** Name of the format, as the command line has it. */
  readonly format: string;
  readonly split: string;
  /** Which of two data sets of the same name it is. */
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
  /** What was given as the path of all of it. */
  readonly from?: string | undefined;
  /** What lies beside the images and is not read; absent, nothing is known of it. */
  readonly passedOver?: readonly PassedOver[] | undefined;
  /** The same of what is met only while the images are read, in archives; called once all have been. */
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
