/** Memory that processes of one machine share (src/engine/native/memory.cc). */
import { constants } from "node:buffer";
import { closeSync, fstatSync } from "node:fs";
import type { Binding } from "./binding.ts";
import { isNative, nativeBackend } from "./kernels.ts";

type PagesBinding = Required<Pick<Binding, "createMemory" | "growMemory" | "mapMemory" | "takeBack">>;
const pagesBinding = () => nativeBackend().binding as PagesBinding;

/** True when such memory exists: on Linux, with the binding that the set-up compiles. */
export const hasSharedPages = (): boolean => isNative() && nativeBackend().binding.mapMemory !== undefined;

/** Node makes no buffer of more, and would have the memory unmapped a second time. @throws RangeError for more. */
function requireLength(bytes: number): void {
  if (bytes > constants.MAX_LENGTH) throw new RangeError(`${bytes} bytes of shared memory are too many`);
}

/** A file without a name, whose bytes are in memory. */
export class SharedPages {
  readonly fd: number;
  readonly #writable: boolean;
  #bytes = new Uint8Array();

  private constructor(fd: number, writable: boolean) {
    this.fd = fd;
    this.#writable = writable;
  }

  /** One of so many bytes, 0. @throws Error of the system, where there is no room. */
  static create(bytes: number): SharedPages {
    return new SharedPages(pagesBinding().createMemory(), true).#begin((pages) => pages.grow(bytes));
  }

  /**
   * Opens the pages of another process. @param fd Closed with them. @throws Error when the file could shrink: its bytes
   * could be gone.
   */
  static open(fd: number): SharedPages {
    return new SharedPages(fd, false).#begin((pages) => pages.renew());
  }

  /** Closes it again where that fails. */
  #begin(take: (pages: SharedPages) => void): this {
    try {
      take(this);
    } catch (error) {
      this.close();
      throw error;
    }
    return this;
  }

  /** All that there are; invalid after the next call of another method. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** @throws Error of the system, where there is no room. */
  grow(bytes: number): void {
    requireLength(bytes);
    pagesBinding().growMemory(this.fd, bytes);
    this.renew();
  }

  /** Takes in what another process has added. @throws Error of the system. */
  renew(): void {
    requireLength(fstatSync(this.fd).size);
    const buffer = pagesBinding().mapMemory(this.fd, this.#writable);
    this.#unmap();
    this.#bytes = new Uint8Array(buffer);
  }

  close(): void {
    this.#unmap();
    closeSync(this.fd);
  }

  #unmap(): void {
    if (this.#bytes.length > 0) pagesBinding().takeBack(this.#bytes.buffer as ArrayBuffer);
    this.#bytes = new Uint8Array();
  }
}
