/** The thread that `decodeInThreads` and `readInThreads` start: decodes small PNG files, many a message. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { FilePath } from "./listing.ts";
import { pngLayout, type PngLayout } from "./png-layout.ts";
import { decodeSmallPng, isSmallPng, LARGEST_SMALL, shapeOf } from "./small-png.ts";
import { pixelsOf } from "./source.ts";

/** Files, one behind the other, or where they are. */
export type ToDecode =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly lengths: readonly number[] }
  | { readonly paths: readonly FilePath[] };

/** Pixels, one picture behind the other, and of each file its shape, or what is wrong with it. */
export interface Decoded {
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [N, 3], 0 where there is no picture: a thread gives a list of lists away far more slowly. */
  readonly shapes: Int32Array<ArrayBuffer>;
  /** By the number of the file; none for a file at a path that is no whole small PNG: the caller finds out why. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Pictures, one behind the other, in memory that grows as it has to. */
class Pictures {
  #pixels: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #used = 0;
  readonly #shapes: Int32Array<ArrayBuffer>;
  readonly #faults = new Map<number, string>();

  constructor(count: number) {
    this.#shapes = new Int32Array(3 * count);
  }

  /** Decodes a file into its place. @throws RangeError when it is damaged. */
  add(i: number, file: Uint8Array, layout: PngLayout): void {
    const shape = shapeOf(layout);
    const end = this.#used + pixelsOf(shape);
    if (end > this.#pixels.length) this.#grow(end, (this.#shapes.length / 3 - i) * pixelsOf(shape));
    decodeSmallPng(file, layout, this.#pixels.subarray(this.#used, end));
    this.#shapes.set(shape, 3 * i);
    this.#used = end;
  }

  /** Makes room for as much as is needed now, and for the rest, if it is like this. */
  #grow(end: number, rest: number): void {
    const larger = new Uint8Array(Math.max(end, this.#used + rest));
    larger.set(this.#pixels.subarray(0, this.#used));
    this.#pixels = larger;
  }

  fail(i: number, reason: string): void {
    this.#faults.set(i, reason);
  }

  all(): Decoded {
    return { pixels: this.#pixels, shapes: this.#shapes, faults: this.#faults };
  }
}

/** Memory for one file. */
const room = new Uint8Array(LARGEST_SMALL);

/** The bytes of a regular file, up to the next call; undefined for one too large for a small PNG. @throws what the file system says. */
function read(path: FilePath): Uint8Array | undefined {
  // It does not wait for the writer that a FIFO may never have.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile() || found.size > room.length) return undefined;
    return readSync(file, room, 0, found.size, null) === found.size ? room.subarray(0, found.size) : undefined;
  } finally {
    closeSync(file);
  }
}

function decodePaths(paths: readonly FilePath[]): Decoded {
  const pictures = new Pictures(paths.length);
  for (const [i, path] of paths.entries()) {
    try {
      const bytes = read(path);
      const layout = bytes && pngLayout(bytes);
      if (layout && isSmallPng(layout)) pictures.add(i, bytes, layout);
    } catch {
      // It has no picture: the caller finds out why.
    }
  }
  return pictures.all();
}

function decodeBytes(bytes: Uint8Array, lengths: readonly number[]): Decoded {
  const pictures = new Pictures(lengths.length);
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    const file = bytes.subarray(at, (at += length));
    try {
      pictures.add(i, file, pngLayout(file)!);
    } catch (error) {
      pictures.fail(i, error instanceof Error ? error.message : String(error));
    }
  }
  return pictures.all();
}

parentPort?.on("message", (files: ToDecode) => {
  const decoded = "paths" in files ? decodePaths(files.paths) : decodeBytes(files.bytes, files.lengths);
  parentPort!.postMessage(decoded, [decoded.pixels.buffer, decoded.shapes.buffer]);
});
