/** Writes MessagePack, each value in its shortest form, as Python's msgpack does. */

/** An extension whose data are these bytes, one after another. */
export interface ExtensionPieces {
  readonly type: number;
  readonly pieces: readonly Uint8Array[];
}

/** A value that can be written; numbers are counts. */
export type Writable =
  number | string | Uint8Array | ExtensionPieces | readonly Writable[] | ReadonlyMap<string, Writable>;

/** `size` big-endian in 1, 2 or 4 bytes after the code for that length; `codes` are for 1, 2 and 4, absent ones 0. */
function announce(size: number, codes: readonly [number, number, number]): number[] {
  const [one, two, four] = codes;
  if (one && size < 1 << 8) return [one, size];
  if (two && size < 1 << 16) return [two, size >> 8, size & 0xff];
  if (size >= 2 ** 32) throw new RangeError(`${size} does not fit in 32 bits`);
  return [four, size >>> 24, (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff];
}

function countBytes(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a count`);
  return value < 0x80 ? [value] : announce(value, [0xcc, 0xcd, 0xce]);
}

function extensionHead({ type, pieces }: ExtensionPieces): number[] {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const fixed = [1, 2, 4, 8, 16].indexOf(size);
  return [...(fixed >= 0 ? [0xd4 + fixed] : announce(size, [0xc7, 0xc8, 0xc9])), type];
}

function* tokens(value: Writable): Generator<readonly number[] | Uint8Array> {
  if (typeof value === "number") yield countBytes(value);
  else if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    yield text.length < 32 ? [0xa0 | text.length] : announce(text.length, [0xd9, 0xda, 0xdb]);
    yield text;
  } else if (value instanceof Uint8Array) {
    yield announce(value.length, [0xc4, 0xc5, 0xc6]);
    yield value;
  } else if (value instanceof Map) {
    const map = value as ReadonlyMap<string, Writable>;
    yield map.size < 16 ? [0x80 | map.size] : announce(map.size, [0, 0xde, 0xdf]);
    for (const [name, entry] of map) {
      yield* tokens(name);
      yield* tokens(entry);
    }
  } else if ("pieces" in value) {
    yield extensionHead(value);
    yield* value.pieces;
  } else {
    const list = value as readonly Writable[];
    yield list.length < 16 ? [0x90 | list.length] : announce(list.length, [0, 0xdc, 0xdd]);
    for (const entry of list) yield* tokens(entry);
  }
}

/** Bytes up to which tokens are gathered, so that a file is not written in crumbs. */
const SMALL = 1 << 12;

/** The value's bytes in pieces; large ones are views on the value's own. */
export function* msgpackPieces(value: Writable): Generator<Uint8Array> {
  let gathered: number[] = [];
  for (const token of tokens(value)) {
    if (token.length + gathered.length < SMALL) {
      gathered.push(...token);
      continue;
    }
    if (gathered.length) yield Uint8Array.from(gathered);
    gathered = [];
    yield token instanceof Uint8Array ? token : Uint8Array.from(token);
  }
  if (gathered.length) yield Uint8Array.from(gathered);
}
