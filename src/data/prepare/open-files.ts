import { closeSync, fstatSync, openSync, read } from "node:fs";
import { UsageError } from "../../base/errors.ts";

/** Up to `length` bytes into `out` from `at` on. @returns How many. */
const readAt = (file: number, out: Uint8Array, at: number, length: number, position: number) =>
  new Promise<number>((resolve, reject) => {
    read(file, out, at, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });

interface Open {
  readonly file: number;
  /** Reads under way: their file must stay open. */
  users: number;
}

/** Files that are opened when they are read; the one that was used longest ago is closed first. */
export class OpenFiles {
  readonly #open = new Map<string, Open>();
  /** Size and time of each file when it was first opened. */
  readonly #stamps = new Map<string, string>();
  readonly #most: number;

  /** @param most Files kept open at once, those with reads under way not counted. */
  constructor(most = 128) {
    this.#most = most;
  }

  /** Number of open files. */
  get size(): number {
    return this.#open.size;
  }

  /** @throws UsageError when another file has come in the place of one that was read before. */
  #begin(path: string): Open {
    const file = openSync(path, "r");
    const { size, mtimeMs } = fstatSync(file);
    const stamp = `${size} ${mtimeMs}`;
    const before = this.#stamps.get(path);
    this.#stamps.set(path, before ?? stamp);
    if (before === undefined || before === stamp) return { file, users: 0 };
    closeSync(file);
    throw new UsageError(
      `${path} was written anew while it was in use`,
      "run the same command again, which checks the new data; prepare other data in another folder",
    );
  }

  #get(path: string): Open {
    const found = this.#open.get(path) ?? this.#begin(path);
    this.#open.delete(path);
    this.#open.set(path, found);
    if (this.#open.size > this.#most) this.#closeOldest(path);
    return found;
  }

  #closeOldest(except: string): void {
    for (const [path, { file, users }] of this.#open) {
      if (users > 0 || path === except) continue;
      closeSync(file);
      this.#open.delete(path);
      return;
    }
  }

  /** The descriptor of a file, good until the next call. @throws UsageError when the file was written anew. */
  get(path: string): number {
    return this.#get(path).file;
  }

  /** Bytes from `position` on into `out`, read by a thread of the system. @returns How many, fewer at the file's end. */
  async read(path: string, out: Uint8Array, position: number): Promise<number> {
    const open = this.#get(path);
    open.users++;
    try {
      let at = 0;
      while (at < out.length) {
        const count = await readAt(open.file, out, at, Math.min(out.length - at, 1 << 30), position + at);
        if (count === 0) break;
        at += count;
      }
      return at;
    } finally {
      open.users--;
      // It was closed, or had to give way, while it was read.
      if (open.users === 0 && this.#open.get(path) !== open) closeSync(open.file);
      else if (open.users === 0 && this.#open.size > this.#most) this.#closeOldest("");
    }
  }

  /** Closes all; those with reads under way when these end. Files can be read again, which opens them again. */
  close(): void {
    for (const { file, users } of this.#open.values()) if (users === 0) closeSync(file);
    this.#open.clear();
  }
}
