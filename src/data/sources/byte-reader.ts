import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { BadDataError } from "./bad-data.ts";

const CHUNK = 1 << 18;

interface Part {
  readonly start?: number;
  readonly end?: number;
  /** Packed by gzip; default: when its name ends in ".gz". */
  readonly packed?: boolean;
}

/**
 * True when a file begins as gzip files do. Names do not tell: ".tgz" has another ending, and a browser may unpack a
 * ".gz" and keep its name.
 */
export async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(3), 0, 3, 0);
    return bytesRead === 3 && buffer[0] === 0x1f && buffer[1] === 0x8b && buffer[2] === 8;
  } finally {
    await file.close();
  }
}

/** The bytes of a file in [start, end), unpacked. */
export function fileBytes(
  path: string,
  { start = 0, end = Infinity, packed = path.endsWith(".gz") }: Part = {},
): Readable {
  // A stream ends with a byte that is read, so it cannot have none.
  if (end <= start) return Readable.from([]);
  const file = createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK });
  if (!packed) return file;
  // Errors travel down the streams and are thrown by the reader.
  return pipeline(file, createGunzip({ chunkSize: CHUNK }), () => {});
}

/** Errors of a decompressor, which speak of the file; those of the system do not. */
const isDamage = (error: unknown): error is Error =>
  error instanceof Error && /^(Z_|ERR_STREAM)/.test((error as NodeJS.ErrnoException).code ?? "");

/** Takes bytes from a stream, exactly as many as are asked for. */
export class ByteReader {
  /** Name of the file, for messages. */
  readonly where: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #taken = 0;
  #damage: BadDataError | undefined;

  constructor(source: AsyncIterable<Uint8Array>, where: string) {
    this.where = where;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#taken;
  }

  /** False at the end of the stream. @throws BadDataError where it is damaged, each time. */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      if (this.#damage) throw this.#damage;
      let next: IteratorResult<Uint8Array>;
      try {
        next = await this.#chunks.next();
      } catch (error) {
        if (!isDamage(error)) throw error;
        const reason = `damaged at byte ${this.#taken}: ${error.message}`;
        this.#damage = new BadDataError(this.where, reason, { cause: error });
        continue;
      }
      if (next.done) return false;
      [this.#chunk, this.#at] = [next.value, 0];
    }
    return true;
  }

  /** The next `count` bytes, fewer at the end of the stream or before damage. They are the caller's to keep. */
  async takeUpTo(count: number): Promise<Uint8Array> {
    if (this.#chunk.length - this.#at >= count) return this.#next(count);
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0 && (await this.#more(parts.length > 0))) {
      const part = this.#next(Math.min(missing, this.#chunk.length - this.#at));
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** True when there are more bytes; damage counts as an end where bytes before it are still to be given. */
  async #more(some: boolean): Promise<boolean> {
    try {
      return await this.#fill();
    } catch (error) {
      if (some && error === this.#damage) return false;
      throw error;
    }
  }

  #next(count: number): Uint8Array {
    const part = this.#chunk.subarray(this.#at, this.#at + count);
    this.#at += count;
    this.#taken += count;
    return part;
  }

  /** The next `count` bytes. @throws BadDataError when there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.takeUpTo(count);
    if (bytes.length === count) return bytes;
    await this.#fill();
    throw new BadDataError(this.where, `cut short: it ends at byte ${this.#taken}`);
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** Closes the stream below. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
