/** Memory of one process that others of the same machine and user read: a file without a name, gone with the process. */
import { randomBytes } from "node:crypto";
import { constants, fstatSync, openSync, statSync } from "node:fs";
import { pieceFromIPC, pieceSize, pieceToIPC, typeOf, valuesIn, type Piece } from "../../data/formats/vector-ipc.ts";
import { hasSharedPages, SharedPages } from "../../engine/shared-pages.ts";
import type { SharedPlace } from "../../exchange/messages.ts";
import { BySize } from "./buffer-pool.ts";

const TOKEN = 16;
/** Opening what has become a pipe must not wait for its other end. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
/** Parts of it begin at multiples of it: pages. */
const ALIGNMENT = 4096;
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function requirePages(): void {
  if (!hasSharedPages()) throw new Error("it takes Linux, and the binding to TensorFlow that the set-up compiles");
}

/** A part of the memory, for one parcel. */
export interface Lane {
  readonly place: SharedPlace;
  /** @returns Where it is; undefined where there is no room. */
  write(piece: Piece): number | undefined;
  /** The other side has read it. */
  give(): void;
}

export class SharedMemory {
  readonly #pages: SharedPages;
  readonly #place: SharedPlace;
  /** Offsets of free parts, by size. */
  readonly #free = new BySize<number>();
  #end = ALIGNMENT;

  private constructor(pages: SharedPages) {
    this.#pages = pages;
    this.#place = { pid: process.pid, fd: pages.fd, token: randomBytes(TOKEN) };
    pages.bytes.set(this.#place.token);
  }

  /** @throws Error where there is no such memory, or no room for it. */
  static open(): SharedMemory {
    requirePages();
    return new SharedMemory(SharedPages.create(ALIGNMENT));
  }

  /** @throws Error of the system, where there is no room. */
  lane(bytes: number): Lane {
    const [place, pages, free, size] = [this.#place, this.#pages, this.#free, aligned(bytes)];
    let at = free.take(size);
    if (at === undefined) {
      at = this.#end;
      if (at + size > pages.bytes.length) pages.grow(at + size);
      this.#end += size;
    }
    const [start, end] = [at, at + size];
    let next = start;
    return {
      place,
      write: (piece) => {
        const here = next;
        const after = here + pieceSize(typeOf(piece), piece.length);
        if (after > Math.min(end, pages.bytes.length)) return undefined;
        pieceToIPC(piece, pages.bytes.subarray(here, after));
        next = after;
        return here;
      },
      give() {
        free.give(size, start);
      },
    };
  }

  /** Closes the memory; nothing can be allocated in it any more. */
  close(): void {
    this.#pages.close();
  }
}

/** Another process' {@link SharedMemory}. */
export class PeerMemory {
  readonly place: SharedPlace;
  readonly #pages: SharedPages;
  #closed = false;

  private constructor(place: SharedPlace, pages: SharedPages) {
    this.place = place;
    this.#pages = pages;
  }

  /** @throws Error when it is not on this machine, or of another user. */
  static open(place: SharedPlace): PeerMemory {
    requirePages();
    const { pid, fd, token } = place;
    const path = `/proc/${pid}/fd/${fd}`;
    // Looked at before it is opened: the numbers come from outside, and opening can have effects.
    const found = statSync(path);
    const isOurs = found.isFile() && found.nlink === 0 && found.uid === process.getuid?.();
    if (!isOurs) throw new Error(`${path} is no shared memory`);
    const memory = new PeerMemory(place, SharedPages.open(openSync(path, READ)));
    const isSame = fstatSync(memory.#pages.fd).ino === found.ino && memory.#pages.bytes.length >= TOKEN;
    if (isSame && Buffer.compare(memory.#bytes(0, TOKEN), token) === 0) return memory;
    memory.close();
    throw new Error(`${path} is another's`);
  }

  isAt({ pid, fd, token }: SharedPlace): boolean {
    return pid === this.place.pid && fd === this.place.fd && Buffer.compare(token, this.place.token) === 0;
  }

  /** Reads a piece. @throws RangeError when it is not there; Error after {@link close}. */
  read<T extends Piece>(at: number, values: T): T {
    return pieceFromIPC(this.#bytes(at, pieceSize(typeOf(values), values.length)), values);
  }

  /** The same for one of float32 that stays where it is, until the next reading. */
  view(at: number, length: number): Float32Array {
    const { buffer, byteOffset } = valuesIn(this.#bytes(at, pieceSize("float32", length)), "float32", length);
    return new Float32Array(buffer, byteOffset, length);
  }

  #bytes(at: number, bytes: number): Uint8Array {
    if (this.#closed) throw new Error("the shared memory was closed");
    const end = at + bytes;
    if (end > this.#pages.bytes.length) this.#pages.renew();
    if (end > this.#pages.bytes.length) throw new RangeError(`the shared memory has not ${bytes} bytes at ${at}`);
    return this.#pages.bytes.subarray(at, end);
  }

  close(): void {
    if (!this.#closed) this.#pages.close();
    this.#closed = true;
  }
}
