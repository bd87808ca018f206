/** The thread that `decodeInThreads` and `readInThreads` start: decodes small PNG files, many a message. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { FilePath } from "./listing.ts";
import { pngLayout } from "./png-layout.ts";
import { decodeSmallPng, isSmallPng, LARGEST_SMALL } from "./small-png.ts";
import { pixelsOf, type Picture, type Shape } from "./source.ts";

/** Files, one behind the other, or where they are. */
export type ToDecode =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly lengths: readonly number[] }
  | { readonly paths: readonly FilePath[] };

/** Pixels, one picture behind the other, and of each file its shape, or what is wrong with it. */
export interface Decoded {
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Undefined for a file at a path that is no whole small PNG. */
  readonly results: readonly (Shape | string | undefined)[];
}

/** @throws RangeError when it is damaged. */
function decode(file: Uint8Array): Picture {
  const picture = decodeSmallPng(file, pngLayout(file)!);
  const [found, wanted] = [picture.data.length, pixelsOf(picture.shape)];
  if (found !== wanted) throw new RangeError(`it has ${found} of ${wanted} values`);
  return picture;
}

/** The bytes of a regular file; undefined for one too large for a small PNG. @throws what the file system says. */
function read(path: FilePath): Uint8Array | undefined {
  // It does not wait for the writer that a FIFO may never have.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile() || found.size > LARGEST_SMALL) return undefined;
    const bytes = new Uint8Array(found.size);
    return readSync(file, bytes) === found.size ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}

/** The picture of a file; undefined where it is not a whole small PNG: the caller finds out why. */
function pictureAt(path: FilePath): Picture | undefined {
  try {
    const bytes = read(path);
    const layout = bytes && pngLayout(bytes);
    return layout && isSmallPng(layout) ? decode(bytes) : undefined;
  } catch {
    return undefined;
  }
}

function pictureOf(file: Uint8Array): Picture | string {
  try {
    return decode(file);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function picturesOf(files: ToDecode): (Picture | string | undefined)[] {
  if ("paths" in files) return files.paths.map(pictureAt);
  let at = 0;
  return files.lengths.map((length) => pictureOf(files.bytes.subarray(at, (at += length))));
}

const isPicture = (found: Picture | string | undefined): found is Picture => typeof found === "object";

function decodeAll(files: ToDecode): Decoded {
  const found = picturesOf(files);
  const pictures = found.filter(isPicture);
  const pixels = new Uint8Array(pictures.reduce((sum, { data }) => sum + data.length, 0));
  let to = 0;
  for (const { data } of pictures) {
    pixels.set(data, to);
    to += data.length;
  }
  return { pixels, results: found.map((one) => (isPicture(one) ? one.shape : one)) };
}

parentPort?.on("message", (files: ToDecode) => {
  const decoded = decodeAll(files);
  parentPort!.postMessage(decoded, [decoded.pixels.buffer]);
});
