/** Memory of one process that others of the same machine and user read: a file without a name, gone with the process. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readvSync, statSync, unlinkSync, writevSync } from "node:fs";
import { join } from "node:path";
import { pieceParts, type Piece } from "../../data/vector-ipc.ts";
import type { SharedPlace } from "./definition.ts";
import { BySize } from "./spare.ts";

export const SHARED_FOLDER = "/dev/shm";
const TOKEN = 16;
/** Parts of it begin at multiples of it: pages, whose copying is fastest. */
const ALIGNMENT = 4096;
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const sizeOf = (parts: readonly Uint8Array[]) => parts.reduce((n, part) => n + part.length, 0);

/** A part of the memory, for one parcel. */
export interface Lane {
  readonly place: SharedPlace;
  /** @returns Where it is; undefined where there is no room. */
  write(piece: Piece): number | undefined;
  /** The other side has read it. */
  give(): void;
}

export class SharedMemory {
  readonly #place: SharedPlace;
  /** Where free parts begin. */
  #free = new BySize<number>();
  #end = ALIGNMENT;
  #closed = false;

  private constructor(fd: number) {
    this.#place = { pid: process.pid, fd, token: randomBytes(TOKEN) };
    writevSync(fd, [this.#place.token], 0);
  }

  /** @returns undefined where there is no such memory. @throws Error of the system, where it is full. */
  static open(): SharedMemory | undefined {
    if (process.platform !== "linux" || !existsSync(SHARED_FOLDER)) return undefined;
    const path = join(SHARED_FOLDER, `scorestream-${randomBytes(TOKEN).toString("hex")}`);
    const fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return new SharedMemory(fd);
  }

  /** @param onFull Told why something has no room. */
  lane(bytes: number, onFull: (error: Error) => void): Lane {
    const [place, free, size] = [this.#place, this.#free, aligned(bytes)];
    let at = free.take(size);
    if (at === undefined) {
      at = this.#end;
      this.#end += size;
    }
    const start = at;
    return {
      place,
      write: (piece) => {
        // The number may be another file's by now.
        if (this.#closed) return undefined;
        const [here, parts] = [at!, pieceParts(piece)];
        try {
          if (writevSync(place.fd, parts, here) !== sizeOf(parts)) throw new Error("no space left");
        } catch (error) {
          return void onFull(error as Error);
        }
        at = here + sizeOf(parts);
        return here;
      },
      give() {
        // After `clear` it is not this list that is looked at.
        free.give(size, start);
      },
    };
  }

  /** What is still being read goes nowhere: all of it is free. */
  clear(): void {
    this.#free = new BySize();
    this.#end = ALIGNMENT;
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#place.fd);
  }
}

/** Another process' {@link SharedMemory}. */
export class PeerMemory {
  readonly place: SharedPlace;
  #fd: number | undefined;

  private constructor(place: SharedPlace, fd: number) {
    this.place = place;
    this.#fd = fd;
  }

  /** @throws Error when it is not on this machine, or of another user. */
  static open(place: SharedPlace): PeerMemory {
    const { pid, fd, token } = place;
    const path = `/proc/${pid}/fd/${fd}`;
    // Looked at before it is opened: the numbers come from outside, and opening can have effects.
    const found = statSync(path);
    const isOurs = found.isFile() && found.nlink === 0 && found.dev === statSync(SHARED_FOLDER).dev;
    if (!isOurs || found.uid !== process.getuid?.()) throw new Error(`${path} is no shared memory`);
    const memory = new PeerMemory(place, openSync(path, "r"));
    try {
      const start = Buffer.alloc(TOKEN);
      memory.read([start], 0);
      if (fstatSync(memory.#fd!).ino !== found.ino || !start.equals(token)) throw new Error(`${path} is another's`);
    } catch (error) {
      memory.close();
      throw error;
    }
    return memory;
  }

  isAt({ pid, fd, token }: SharedPlace): boolean {
    return pid === this.place.pid && fd === this.place.fd && Buffer.compare(token, this.place.token) === 0;
  }

  /** Fills all parts. @throws RangeError when there is less; Error after {@link close}. */
  read(parts: readonly Uint8Array[], at: number): void {
    if (this.#fd === undefined) throw new Error("the shared memory was closed");
    const bytes = sizeOf(parts);
    // Node takes other numbers for "where the last reading ended".
    if (!Number.isSafeInteger(at + bytes) || readvSync(this.#fd, parts, at) !== bytes) {
      throw new RangeError(`the shared memory has not ${bytes} bytes at ${at}`);
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
