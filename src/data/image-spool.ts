import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { ProgressFile } from "./formats/progress-file.ts";

/** Bytes read at once. */
const PIECE = 16 << 20;

/** A batch of the file of bytes. */
export interface SpooledBatch {
  /** Images in it. */
  readonly count: number;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
}

/** Images in batches. */
export const countSpooled = (batches: readonly SpooledBatch[]): number =>
  batches.reduce((sum, { count }) => sum + count, 0);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Size of a file, 0 where there is none. */
const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes from `position` on into `out`. @returns How many, fewer at the file's end. */
function readUpTo(file: number, out: Uint8Array, position: number): number {
  let at = 0;
  for (let read = 1; read > 0 && at < out.length; at += read) {
    read = readSync(file, out, at, out.length - at, position + at);
  }
  return at;
}

/**
 * Images that come batch by batch, kept in a file until they are all there, so that they need no memory and an
 * interruption loses none: `<path>.bin` has the bytes, `<path>.jsonl` says what they are, with a hash of each batch.
 *
 * Opened for other work than it was written for, it starts anew; batches from the first damaged one on are dropped.
 */
export class ImageSpool {
  readonly shape: readonly [number, number, number];
  readonly #bytes: string;
  readonly #list: string;
  readonly #size: number;
  readonly #batches: ProgressFile<SpooledBatch>;
  readonly #damage: string | undefined;

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
    const listed = new ProgressFile<SpooledBatch>(this.#list, work);
    const whole = this.#whole(listed.entries);
    const damaged = whole < listed.entries.length;
    this.#batches = damaged ? this.#listed(work, listed.entries.slice(0, whole)) : listed;
    this.#damage = damaged ? `${this.#bytes}: batch ${whole + 1} is damaged` : listed.damage;
    if (sizeOf(this.#bytes) > this.images * this.#size) truncateSync(this.#bytes, this.images * this.#size);
  }

  /** Counts the batches, from the first on, that are in the file as they were written. */
  #whole(batches: readonly SpooledBatch[]): number {
    if (batches.length === 0 || sizeOf(this.#bytes) === 0) return 0;
    const file = openSync(this.#bytes, "r");
    try {
      let at = 0;
      const bad = batches.findIndex(({ count, sha256: wanted }) => {
        const bytes = new Uint8Array(count * this.#size);
        const whole = readUpTo(file, bytes, at) === bytes.length && sha256(bytes) === wanted;
        at += bytes.length;
        return !whole;
      });
      return bad < 0 ? batches.length : bad;
    } finally {
      closeSync(file);
    }
  }

  /** The list written anew, with these batches only. */
  #listed(work: unknown, batches: readonly SpooledBatch[]): ProgressFile<SpooledBatch> {
    rmSync(this.#list);
    const list = new ProgressFile<SpooledBatch>(this.#list, work);
    for (const batch of batches) list.append(batch);
    return list;
  }

  /** Images so far. */
  get images(): number {
    return countSpooled(this.#batches.entries);
  }

  /** Describes the damage found when the file was opened; undefined where there was none. */
  get damage(): string | undefined {
    return this.#damage;
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
    this.#batches.append({ count, sha256: sha256(images) });
  }

  /** All images in order, [n, H, W, C] each time, in pieces of about 16 MiB, or of `count` images. */
  *read(count = Math.max(1, Math.floor(PIECE / this.#size))): Generator<Uint8Array, void, void> {
    const file = openSync(this.#bytes, "r");
    try {
      for (let first = 0; first < this.images; first += count) {
        const piece = new Uint8Array(Math.min(count, this.images - first) * this.#size);
        if (readUpTo(file, piece, first * this.#size) < piece.length) {
          throw new RangeError(`${this.#bytes}: it became shorter while it was read`);
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
