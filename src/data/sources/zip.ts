import { open, type FileHandle } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { BadDataError } from "./bad-data.ts";
import { fileBytes } from "./byte-reader.ts";
import { crc32 } from "../../base/crc.ts";

/** A file in a zip archive. */
export interface ZipMember {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Offset of its local header. */
  readonly offset: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const MAX_DIRECTORY = 1 << 26;
const U16 = 0xffff;
const U32 = 0xffffffff;

async function readAt(file: FileHandle, position: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return new DataView(bytes.buffer, 0, bytesRead);
}

const number64 = (view: DataView, at: number) => Number(view.getBigUint64(at, true));

/** Finds the central directory by the file's last record, or by its 64-bit form where numbers are large. */
async function locate(file: FileHandle, size: number): Promise<{ offset: number; length: number; count: number }> {
  const tail = await readAt(file, Math.max(0, size - 65_557), Math.min(size, 65_557));
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw new RangeError("no zip directory at its end");
  const found = {
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  if (found.count !== U16 && found.length !== U32 && found.offset !== U32) return found;
  if (at < 20 || tail.getUint32(at - 20, true) !== END64_LOCATOR) return found;
  const end = await readAt(file, number64(tail, at - 12), 56);
  if (end.getUint32(0, true) !== END64) throw new RangeError("its zip64 record is damaged");
  return { count: number64(end, 32), length: number64(end, 40), offset: number64(end, 48) };
}

/** Sizes of 2^32 - 1 stand in an extra field of kind 1, in this order, those only that do not fit. */
function large(extra: DataView, values: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== 1) continue;
    let field = at + 4;
    return values.map((value) => (value === U32 ? number64(extra, (field += 8) - 8) : value));
  }
  return [...values];
}

function parseDirectory(view: DataView, count: number): ZipMember[] {
  const entries: ZipMember[] = [];
  for (let at = 0; entries.length < count;) {
    if (view.getUint32(at, true) !== CENTRAL)
      throw new RangeError(`its directory is damaged at entry ${entries.length}`);
    const [nameLength, extraLength] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true)];
    const bytes = (from: number, length: number) => new Uint8Array(view.buffer, view.byteOffset + from, length);
    const extraBytes = bytes(at + 46 + nameLength, extraLength);
    const extra = new DataView(extraBytes.buffer, extraBytes.byteOffset, extraLength);
    const sizes = [24, 20, 42].map((field) => view.getUint32(at + field, true));
    const [size, packed, offset] = large(extra, sizes) as [number, number, number];
    const [method, crc] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    entries.push({ name: new TextDecoder().decode(bytes(at + 46, nameLength)), method, crc, packed, size, offset });
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

/** The directory of a zip archive. @throws BadDataError when it is damaged or cut short. */
export async function readZip(path: string): Promise<ZipMember[]> {
  const file = await open(path);
  try {
    const { offset, length, count } = await locate(file, (await file.stat()).size);
    if (length > MAX_DIRECTORY) throw new RangeError(`its directory of ${length} bytes is too large`);
    return parseDirectory(await readAt(file, offset, length), count);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadDataError(path, `not a whole zip archive: ${error.message}`, { cause: error });
  } finally {
    await file.close();
  }
}

/**
 * The content of a file in an archive.
 *
 * @throws BadDataError while it is read, when it is longer or shorter than declared, or its checksum is wrong.
 */
export async function* zipContent(path: string, entry: ZipMember): AsyncGenerator<Uint8Array> {
  const where = `${path}: ${entry.name}`;
  const start = await contentStart(path, entry);
  let [crc, size] = [0, 0];
  for await (const chunk of archived(path, start, entry) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > entry.size) throw new BadDataError(where, `longer than the ${entry.size} bytes it declares`);
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (size < entry.size) throw new BadDataError(where, `cut short: ${size} of ${entry.size} bytes`);
  if (crc !== entry.crc) throw new BadDataError(where, "damaged: its checksum is wrong");
}

async function contentStart(path: string, { name, method, offset }: ZipMember): Promise<number> {
  if (method !== 0 && method !== 8) throw new BadDataError(`${path}: ${name}`, `zip method ${method} is not supported`);
  const file = await open(path);
  try {
    const view = await readAt(file, offset, 30);
    if (view.byteLength < 30 || view.getUint32(0, true) !== LOCAL) {
      throw new BadDataError(`${path}: ${name}`, "its header is damaged");
    }
    return offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  } finally {
    await file.close();
  }
}

function archived(path: string, start: number, { method, packed }: ZipMember): Readable {
  const bytes = fileBytes(path, { start, end: start + packed });
  if (method === 0) return bytes;
  return pipeline(bytes, createInflateRaw({ chunkSize: 1 << 18 }), () => {});
}
