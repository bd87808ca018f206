import { createInflate } from "node:zlib";
import { open, type FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream";
import { UsageError } from "../../base/errors.ts";
import { BadDataError } from "./bad-data.ts";
import { ByteReader, fileBytes } from "./byte-reader.ts";

/** An array in a MAT-file. */
export interface MatArray {
  readonly name: string;
  /** Shape in column-major order: the first axis varies fastest. */
  readonly shape: readonly number[];
  /** Bytes of a value; labels may be kept as doubles. */
  readonly kind: MatKind;
  /** Reads the values from their beginning. */
  open(): Promise<ByteReader>;
}

interface MatKind {
  readonly width: number;
  readonly read: (view: DataView, at: number) => number;
}

const KINDS: Readonly<Record<number, MatKind>> = {
  1: { width: 1, read: (view, at) => view.getInt8(at) },
  2: { width: 1, read: (view, at) => view.getUint8(at) },
  3: { width: 2, read: (view, at) => view.getInt16(at, true) },
  4: { width: 2, read: (view, at) => view.getUint16(at, true) },
  5: { width: 4, read: (view, at) => view.getInt32(at, true) },
  6: { width: 4, read: (view, at) => view.getUint32(at, true) },
  7: { width: 4, read: (view, at) => view.getFloat32(at, true) },
  9: { width: 8, read: (view, at) => view.getFloat64(at, true) },
  12: { width: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  13: { width: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
};
/** Classes of arrays that hold no plain numbers: cells, structures, objects, text, sparse ones; functions and so on. */
const isOther = (arrayClass: number) => (arrayClass >= 1 && arrayClass <= 5) || arrayClass > 15;
const MATRIX = 14;
const COMPRESSED = 15;
const HEADER = 128;

interface Tag {
  readonly type: number;
  readonly bytes: number;
  /** A small element has its values in the tag itself. */
  readonly small?: Uint8Array;
}

/** Elements begin with type and length; when they are up to 4 bytes long, all is packed in 8 bytes. */
function parseTag(bytes: Uint8Array): Tag {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const small = view.getUint16(2, true);
  if (small === 0) return { type: view.getUint32(0, true), bytes: view.getUint32(4, true) };
  return { type: view.getUint16(0, true), bytes: small, small: bytes.subarray(4, 4 + Math.min(small, 4)) };
}

const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** An element that is small enough to be read as a whole: flags, axes, name. */
async function element(reader: ByteReader): Promise<Uint8Array> {
  const tag = parseTag(await reader.take(8));
  if (tag.small) return tag.small;
  if (tag.bytes > 4096) throw new BadDataError(reader.where, `damaged: a header of ${tag.bytes} bytes`);
  return (await reader.take(padded(tag.bytes))).subarray(0, tag.bytes);
}

interface Matrix {
  readonly name: string;
  readonly shape: number[];
  readonly kind: MatKind;
  /** Stands at the first value. */
  readonly reader: ByteReader;
}

/** Flags, axes, name, then the values; undefined for an array of anything but numbers. */
async function readMatrix(reader: ByteReader, compressed: boolean): Promise<Matrix | undefined> {
  if (compressed) {
    const tag = parseTag(await reader.take(8));
    if (tag.type !== MATRIX) throw new BadDataError(reader.where, "damaged: no array where one should be");
  }
  const [arrayClass = 0] = await element(reader);
  if (isOther(arrayClass)) return undefined;
  const axes = await element(reader);
  const view = new DataView(axes.buffer, axes.byteOffset, axes.byteLength);
  const shape = Array.from({ length: axes.length / 4 }, (_, i) => view.getInt32(4 * i, true));
  const name = new TextDecoder().decode(await element(reader));
  const values = parseTag(await reader.take(8));
  const kind = KINDS[values.type];
  if (!kind) throw new BadDataError(reader.where, `"${name}" is of type ${values.type}, which is not supported`);
  const bytes = shape.reduce((a, b) => a * b, 1) * kind.width;
  if (bytes !== values.bytes) {
    throw new BadDataError(reader.where, `"${name}" declares ${values.bytes} bytes, its shape makes ${bytes}`);
  }
  if (!values.small) return { name, shape, kind, reader };
  return { name, shape, kind, reader: new ByteReader(single(values.small), reader.where) };
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @throws UsageError for the HDF5 form, BadDataError for anything else that is no MAT-file of version 5. */
async function checkHeader(path: string, file: FileHandle): Promise<void> {
  const bytes = Buffer.alloc(HEADER);
  const { bytesRead } = await file.read(bytes, 0, HEADER, 0);
  const text = bytes.toString("latin1", 0, 20);
  if (text.startsWith("MATLAB 7.3")) {
    throw new UsageError(`${path}: a MAT-file of version 7.3 (HDF5)`, "save it with -v7, or take the published file");
  }
  if (bytesRead < HEADER || !text.startsWith("MATLAB 5.0") || bytes.toString("latin1", 126, 128) !== "IM") {
    throw new BadDataError(path, "not a little-endian MAT-file of version 5");
  }
}

/**
 * The arrays of numbers in a MAT-file of version 5, compressed or not; values are read when they are asked for.
 *
 * @throws BadDataError when the file is damaged or cut short; UsageError when it is of version 7.3.
 * @see MathWorks, MAT-File Format.
 */
export async function readMat(path: string): Promise<MatArray[]> {
  const file = await open(path);
  const arrays: MatArray[] = [];
  try {
    await checkHeader(path, file);
    const { size } = await file.stat();
    const bytes = new Uint8Array(8);
    for (let at = HEADER; at < size;) {
      const { bytesRead } = await file.read(bytes, 0, 8, at);
      if (bytesRead < 8) throw new BadDataError(path, `cut short: it ends at byte ${size}`);
      const { type, bytes: length } = parseTag(bytes);
      const start = at + 8;
      if (start + length > size) throw new BadDataError(path, `cut short: ${size} bytes, expected ${start + length}`);
      const isArray = length > 0 && (type === MATRIX || type === COMPRESSED);
      const array = isArray ? await arrayAt(path, start, length, type === COMPRESSED) : undefined;
      if (array) arrays.push(array);
      at = start + length;
    }
  } finally {
    await file.close();
  }
  return arrays;
}

async function arrayAt(
  path: string,
  start: number,
  length: number,
  compressed: boolean,
): Promise<MatArray | undefined> {
  const read = async () => {
    const bytes = fileBytes(path, { start, end: start + length });
    const source = compressed ? pipeline(bytes, createInflate({ chunkSize: 1 << 18 }), () => {}) : bytes;
    const reader = new ByteReader(source, path);
    try {
      return { reader, matrix: await readMatrix(reader, compressed) };
    } catch (error) {
      await reader.close();
      throw error;
    }
  };
  const { reader, matrix } = await read();
  await reader.close();
  if (!matrix) return undefined;
  const { name, shape, kind } = matrix;
  return { name, shape, kind, open: async () => (await read()).matrix!.reader };
}
