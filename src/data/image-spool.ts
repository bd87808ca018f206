import { closeSync, fsyncSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { ProgressFile } from "./formats/progress-file.ts";

/** Bytes read at once. */
const PIECE = 16 << 20;

/** Size of a file, 0 where there is none. */
const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * Images that come batch by batch, kept in a file until they are all there, so that they need no memory and an
 * interruption loses none: `<path>.bin` has the bytes, `<path>.jsonl` says what they are.
 *
 * Opened for other work than it was written for, or damaged, it starts anew.
 */
export class ImageSpool {
  readonly shape: readonly [number, number, number];
  readonly #bytes: string;
  readonly #list: string;
  readonly #size: number;
  #batches: ProgressFile<number>;

  /**
   * @param work Everything that the images depend on; compared as JSON.
   * @param shape [H, W, C].
   * @throws What the file system says.
   */
  constructor(path: string, work: unknown, shape: readonly [number, number, number]) {
    this.shape = shape;
    this.#size = shape[0] * shape[1] * shape[2];
    this.#bytes = `${path}.bin`;
    this.#list = `${path}.jsonl`;
    this.#batches = new ProgressFile(this.#list, work);
    const there = sizeOf(this.#bytes);
    if (there < this.images * this.#size) {
      rmSync(this.#list);
      this.#batches = new ProgressFile(this.#list, work);
    }
    if (there > this.images * this.#size) truncateSync(this.#bytes, this.images * this.#size);
  }

  /** Images so far. */
  get images(): number {
    return this.#batches.entries.reduce((a, b) => a + b, 0);
  }

  /** Batches so far. */
  get batches(): number {
    return this.#batches.entries.length;
  }

  /** Adds the next batch, [n, H, W, C]. @throws RangeError when it is no whole number of images. */
  append(images: Uint8Array): void {
    const count = images.length / this.#size;
    if (!Number.isInteger(count)) throw new RangeError(`ImageSpool: ${images.length} bytes are not [n, ${this.shape}]`);
    const file = openSync(this.#bytes, "a");
    try {
      for (let at = 0; at < images.length;) at += writeSync(file, images, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#batches.append(count);
  }

  /** All images in order, [n, H, W, C] each time, in pieces of about 16 MiB, or of `count` images. */
  *read(count = Math.max(1, Math.floor(PIECE / this.#size))): Generator<Uint8Array, void, void> {
    const file = openSync(this.#bytes, "r");
    try {
      for (let first = 0; first < this.images; first += count) {
        const piece = new Uint8Array(Math.min(count, this.images - first) * this.#size);
        for (let at = 0; at < piece.length;) {
          const read = readSync(file, piece, at, piece.length - at, first * this.#size + at);
          if (read === 0) throw new RangeError(`${this.#bytes}: it became shorter while it was read`);
          at += read;
        }
        yield piece;
      }
    } finally {
      closeSync(file);
    }
  }

  /** Removes its files. */
  remove(): void {
    rmSync(this.#list, { force: true });
    rmSync(this.#bytes, { force: true });
  }
}
