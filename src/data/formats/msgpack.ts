/**
 * MessagePack as trees of arrays are written in it: maps with names, short lists, bytes and extensions.
 *
 * For files of unknown origin: nothing is allocated that the bytes at hand do not hold, depth and numbers of values are
 * limited, names are unique. Bytes are views on the input.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */

export interface MsgpackExtension {
  readonly type: number;
  readonly data: Uint8Array;
}

/** A floating-point number, kept apart from the integers that it may equal. */
export interface MsgpackFloat {
  readonly float: number;
}

export type MsgpackMap = ReadonlyMap<string, MsgpackValue>;
export type MsgpackValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | MsgpackFloat
  | MsgpackExtension
  | readonly MsgpackValue[]
  | MsgpackMap;

/** The bytes are not what they should be; the message says at which byte. */
export class MsgpackError extends Error {
  override readonly name = "MsgpackError";
}

const MAX_DEPTH = 32;
const MAX_LIST = 64;
const MAX_TEXT = 1024;
const MAX_VALUES = 1 << 18;

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws MsgpackError unless all bytes have been read. */
  end(): void {
    if (this.#at !== this.#bytes.length) this.#fail(`${this.#bytes.length - this.#at} bytes follow the end`);
  }

  value(depth: number): MsgpackValue {
    if (depth > MAX_DEPTH) this.#fail(`more than ${MAX_DEPTH} levels`);
    if (++this.#values > MAX_VALUES) this.#fail(`more than ${MAX_VALUES} values`);
    const code = this.#uint(1);
    if (code < 0x80) return code;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code < 0xa0) return this.#list(code & 0x0f, depth);
    if (code < 0xc0) return this.#text(code & 0x1f);
    if (code >= 0xe0) return code - 0x100;
    if (code >= 0xd4 && code <= 0xd8) return this.#extension(1 << (code - 0xd4));
    return this.#sized(code, depth);
  }

  /** Reads a value whose type and length are announced by a whole byte. */
  #sized(code: number, depth: number): MsgpackValue {
    const length = (first: number) => this.#uint(1 << (code - first));
    if (code >= 0xc4 && code <= 0xc6) return this.#take(length(0xc4));
    if (code >= 0xc7 && code <= 0xc9) return this.#extension(length(0xc7));
    if (code >= 0xcc && code <= 0xcf) return length(0xcc);
    if (code >= 0xd9 && code <= 0xdb) return this.#text(length(0xd9));
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xca:
        return { float: this.#view.getFloat32(this.#skip(4)) };
      case 0xcb:
        return { float: this.#view.getFloat64(this.#skip(8)) };
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return this.#safe(this.#view.getBigInt64(this.#skip(8)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(code === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(code === 0xde ? 2 : 4), depth);
      default:
        return this.#fail(`0x${code.toString(16)} begins no value`);
    }
  }

  #map(size: number, depth: number): MsgpackMap {
    // Each entry takes two bytes at least.
    if (size > (this.#bytes.length - this.#at) / 2) this.#fail(`a map of ${size} entries does not fit in the file`);
    const map = new Map<string, MsgpackValue>();
    for (let i = 0; i < size; i++) {
      const name = this.value(depth + 1);
      if (typeof name !== "string") this.#fail("a name is not text");
      if (map.has(name)) this.#fail(`the name "${name}" comes twice`);
      map.set(name, this.value(depth + 1));
    }
    return map;
  }

  #list(size: number, depth: number): MsgpackValue[] {
    if (size > MAX_LIST) this.#fail(`a list of ${size} values, at most ${MAX_LIST} are expected`);
    return Array.from({ length: size }, () => this.value(depth + 1));
  }

  #text(size: number): string {
    if (size > MAX_TEXT) this.#fail(`a text of ${size} bytes, at most ${MAX_TEXT} are expected`);
    const bytes = this.#take(size);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.#fail("a text is not UTF-8");
    }
  }

  #extension(size: number): MsgpackExtension {
    return { type: this.#view.getInt8(this.#skip(1)), data: this.#take(size) };
  }

  #uint(size: number): number {
    const at = this.#skip(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    return size === 4 ? this.#view.getUint32(at) : this.#safe(this.#view.getBigUint64(at));
  }

  #safe(value: bigint): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : this.#fail(`the integer ${value} is too large`);
  }

  #take(size: number): Uint8Array {
    const at = this.#skip(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** Skips `size` bytes and returns where they begin. */
  #skip(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at) {
      this.#fail(`${size} bytes should follow, the file has ${this.#bytes.length - at} more`);
    }
    this.#at += size;
    return at;
  }

  #fail(reason: string): never {
    throw new MsgpackError(`at byte ${this.#at}: ${reason}`);
  }
}

/**
 * Reads the one value that `bytes` hold.
 *
 * @throws MsgpackError when they are malformed, cut short, or hold more than one value.
 */
export function decodeMsgpack(bytes: Uint8Array): MsgpackValue {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}
