/** Reads zip archives: stored or deflated entries, numbers of 64 bits, no encryption. */
import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { crc32 } from "../../base/crc.ts";
import { CENTRAL, DEFLATED, ENCRYPTED, END, LOCAL, STORED, U16, U32 } from "./zip-records.ts";

/** A file in an archive, as the archive's directory has it. */
export interface ZipEntry {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packed: number;
  readonly size: number;
  /** Offset of its local header. */
  readonly offset: number;
}

/** Makes the error of a damaged archive or entry. */
export type RefuseZip = (reason: string, cause?: unknown) => Error;

const END64 = { signature: 0x06064b50, size: 56 };
const LOCATOR64 = { signature: 0x07064b50, size: 20 };
const MAX_COMMENT = 0xffff;
const MAX_DIRECTORY = 1 << 26;
/** Kind of the extra field that holds numbers of 64 bits. */
const LARGE = 1;
const MAX_WHOLE = 2 ** 31 - 1;
const CHUNK = 1 << 18;

/** @throws RangeError where there are fewer bytes. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = length ? await file.read(buffer, 0, length, position) : { bytesRead: 0 };
  if (bytesRead < length) throw new RangeError(`cut short: ${length} bytes at ${position} are not there`);
  return buffer;
}

const number64 = (buffer: Buffer, at: number) => Number(buffer.readBigUInt64LE(at));

/** Finds the directory by the file's last record, or by its 64-bit form where numbers are large. */
async function locate(file: FileHandle, size: number): Promise<{ offset: number; length: number; count: number }> {
  const tailSize = Math.min(size, END.size + MAX_COMMENT);
  const tail = await readAt(file, size - tailSize, tailSize);
  let at = tail.length - END.size;
  while (at >= 0 && tail.readUInt32LE(at) !== END.signature) at--;
  if (at < 0) throw new RangeError("no zip directory at its end");
  const found = {
    count: tail.readUInt16LE(at + 10),
    length: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  if (found.count !== U16 && found.length !== U32 && found.offset !== U32) return found;
  const locator = at - LOCATOR64.size;
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR64.signature) return found;
  const end = await readAt(file, number64(tail, locator + 8), END64.size);
  if (end.readUInt32LE(0) !== END64.signature) throw new RangeError("its zip64 record is damaged");
  return { count: number64(end, 32), length: number64(end, 40), offset: number64(end, 48) };
}

/** Numbers of 2^32 - 1 stand in an extra field, in this order, those only that do not fit. */
function large(extra: Buffer, values: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== LARGE) continue;
    let field = at + 4;
    return values.map((value) => (value === U32 ? number64(extra, (field += 8) - 8) : value));
  }
  return [...values];
}

function parseDirectory(bytes: Buffer, count: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    const damaged = () => new RangeError(`its directory has ${entries.length} of ${count} entries`);
    if (at + CENTRAL.size > bytes.length || bytes.readUInt32LE(at) !== CENTRAL.signature) throw damaged();
    const nameEnd = at + CENTRAL.size + bytes.readUInt16LE(at + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
    const next = extraEnd + bytes.readUInt16LE(at + 32);
    if (next > bytes.length) throw damaged();
    const sizes = [24, 20, 42].map((field) => bytes.readUInt32LE(at + field));
    const [size, packed, offset] = large(bytes.subarray(nameEnd, extraEnd), sizes) as [number, number, number];
    entries.push({
      name: bytes.toString("utf8", at + CENTRAL.size, nameEnd),
      encrypted: (bytes.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      ...{ packed, size, offset },
    });
    at = next;
  }
  return entries;
}

/** The entries of an archive. @throws What `refuse` makes when it is damaged or cut short. */
export async function readZip(path: string, refuse: RefuseZip): Promise<ZipEntry[]> {
  const file = await open(path);
  try {
    const { offset, length, count } = await locate(file, (await file.stat()).size);
    if (length > MAX_DIRECTORY) throw new RangeError(`its directory of ${length} bytes is too large`);
    return parseDirectory(await readAt(file, offset, length), count);
  } catch (error) {
    if (error instanceof RangeError) throw refuse(error.message, error);
    throw error;
  } finally {
    await file.close();
  }
}

/** Finds where the bytes of an entry begin. */
async function contentStart(path: string, { offset, packed }: ZipEntry, refuse: RefuseZip): Promise<number> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const cut = (end: number) => refuse(`cut short: it would end at byte ${end} of ${size}`);
    if (offset + LOCAL.size > size) throw cut(offset + LOCAL.size);
    const local = await readAt(file, offset, LOCAL.size);
    if (local.readUInt32LE(0) !== LOCAL.signature) throw refuse("damaged: its header is not where the directory says");
    const start = offset + LOCAL.size + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + packed > size) throw cut(start + packed);
    return start;
  } finally {
    await file.close();
  }
}

function unpacked(path: string, start: number, { method, packed }: ZipEntry): Readable {
  // A stream ends with a byte that is read, so it cannot have none.
  const end = start + packed - 1;
  const bytes = packed === 0 ? Readable.from([]) : createReadStream(path, { start, end, highWaterMark: CHUNK });
  // Errors travel down the streams and are thrown by the reader.
  return method === STORED ? bytes : pipeline(bytes, createInflateRaw({ chunkSize: CHUNK }), () => {});
}

const isDamage = (error: unknown): error is Error =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith("Z_");

/**
 * The content of an entry, front to back, in pieces that are checked only at the end.
 *
 * @throws What `refuse` makes while it is read: when it is longer or shorter than declared, or its checksum is wrong.
 */
export async function* zipContent(path: string, entry: ZipEntry, refuse: RefuseZip): AsyncGenerator<Uint8Array> {
  if (entry.encrypted) throw refuse("encrypted");
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw refuse(`packed by zip method ${entry.method}, which is not supported`);
  }
  const start = await contentStart(path, entry, refuse);
  let [crc, size] = [0, 0];
  try {
    for await (const chunk of unpacked(path, start, entry) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > entry.size) throw refuse(`longer than the ${entry.size} bytes it declares`);
      crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    throw isDamage(error) ? refuse(`damaged: it cannot be unpacked (${error.message})`, error) : error;
  }
  if (size < entry.size) throw refuse(`cut short: ${size} of ${entry.size} bytes`);
  if (crc !== entry.crc) throw refuse("damaged: its checksum is wrong");
}

/** The whole content of an entry of less than 2 GiB, checked. @throws What `refuse` makes, like {@link zipContent}. */
export async function readZipEntry(path: string, entry: ZipEntry, refuse: RefuseZip): Promise<Uint8Array> {
  if (entry.size > MAX_WHOLE) throw refuse(`of 2 GiB or more: ${entry.size} bytes`);
  const content = new Uint8Array(entry.size);
  let at = 0;
  for await (const chunk of zipContent(path, entry, refuse)) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}
