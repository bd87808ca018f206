/** Zip archives with stored or deflated entries, as NumPy writes them: no encryption, no entry of 4 GiB or more. */
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { crc32 } from "../../base/crc.ts";

export interface ZipEntry {
  readonly name: string;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc: number;
  readonly method: number;
  readonly offset: number;
}

/** Makes the error of a malformed archive. */
export type RefuseZip = (reason: string) => Error;

const END = { signature: 0x06054b50, size: 22 };
const CENTRAL = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
const MAX_COMMENT = 0xffff;
const ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const UTF8_NAME = 1 << 11;
/** 1 January 1980, the first date of the format: the same arrays make the same bytes. */
const DATE = 0x21;
// One read call takes at most 2^31 - 1 bytes.
const MAX_SIZE = 2 ** 31 - 1;

async function readAt(file: FileHandle, at: number, length: number, refuse: RefuseZip): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = length ? await file.read(buffer, 0, length, at) : { bytesRead: 0 };
  if (bytesRead < length) throw refuse(`it was cut short: ${length} bytes at ${at} are not there`);
  return buffer;
}

/** The entries of the central directory. */
export async function zipDirectory(file: FileHandle, refuse: RefuseZip): Promise<readonly ZipEntry[]> {
  const { size } = await file.stat();
  const tailSize = Math.min(size, END.size + MAX_COMMENT);
  const tail = await readAt(file, size - tailSize, tailSize, refuse);
  let end = tailSize - END.size;
  while (end >= 0 && tail.readUInt32LE(end) !== END.signature) end--;
  if (end < 0) throw refuse("it has no directory at its end");
  const [count, length, start] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  if (start === ZIP64) throw refuse("it has 4 GiB or more");
  if (start + length > size) throw refuse(`its directory would end at byte ${start + length} of ${size}`);
  const directory = await readAt(file, start, length, refuse);
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    if (at + CENTRAL.size > length || directory.readUInt32LE(at) !== CENTRAL.signature) {
      throw refuse(`its directory has ${entries.length} of ${count} entries`);
    }
    const sizes = [28, 30, 32].map((field) => directory.readUInt16LE(at + field)) as [number, number, number];
    const name = directory.toString("utf8", at + CENTRAL.size, at + CENTRAL.size + sizes[0]);
    if (directory.readUInt16LE(at + 8) & 1) throw refuse(`its entry ${JSON.stringify(name)} is encrypted`);
    entries.push({
      name,
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      compressedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    });
    at += CENTRAL.size + sizes[0] + sizes[1] + sizes[2];
  }
  return entries;
}

/** The content of one entry, whose size and checksum are those that the directory states. */
export async function readZipEntry(file: FileHandle, entry: ZipEntry, refuse: RefuseZip): Promise<Uint8Array> {
  const { name, method, size, compressedSize, crc, offset } = entry;
  const label = JSON.stringify(name);
  if (size > MAX_SIZE || compressedSize > MAX_SIZE) throw refuse(`its entry ${label} has 2 GiB or more`);
  if (method !== STORED && method !== DEFLATED) throw refuse(`its entry ${label} has the compression method ${method}`);
  if (method === STORED && size !== compressedSize) throw refuse(`its entry ${label} has two sizes`);
  const local = await readAt(file, offset, LOCAL.size, refuse);
  if (local.readUInt32LE(0) !== LOCAL.signature) throw refuse(`its entry ${label} is not where its directory says`);
  const start = offset + LOCAL.size + local.readUInt16LE(26) + local.readUInt16LE(28);
  // Checked before memory is allocated.
  if (start + compressedSize > (await file.stat()).size) throw refuse(`it was cut short in its entry ${label}`);
  const stored = await readAt(file, start, compressedSize, refuse);
  let content: Uint8Array = stored;
  if (method === DEFLATED) {
    try {
      // The limit must be at least 1.
      content = await promisify(inflateRaw)(stored, { maxOutputLength: Math.max(1, size) } as object);
    } catch (error) {
      throw refuse(`its entry ${label} cannot be unpacked (${(error as Error).message})`);
    }
  }
  if (content.length !== size)
    throw refuse(`its entry ${label} has ${content.length} bytes, its directory says ${size}`);
  if (crc32(content) !== crc) throw refuse(`its entry ${label} has another checksum than its directory says`);
  return content;
}

/** The fields that an entry's local header and its line of the directory share. */
function shared(nameLength: number, { crc, compressedSize, size }: Omit<ZipEntry, "name">): Buffer {
  const buffer = Buffer.alloc(26);
  buffer.writeUInt16LE(20, 0);
  buffer.writeUInt16LE(UTF8_NAME, 2);
  buffer.writeUInt16LE(DEFLATED, 4);
  buffer.writeUInt16LE(DATE, 8);
  buffer.writeUInt32LE(crc, 10);
  buffer.writeUInt32LE(compressedSize, 14);
  buffer.writeUInt32LE(size, 18);
  buffer.writeUInt16LE(nameLength, 22);
  return buffer;
}

const word = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};

/**
 * The pieces of an archive with deflated entries.
 *
 * @param contents Pieces of each entry by its name.
 * @throws RangeError when the archive would have 4 GiB or more.
 */
export async function* zipPieces(contents: ReadonlyMap<string, readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [text, pieces] of contents) {
    const name = Buffer.from(text);
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const packed = await promisify(deflateRaw)(Buffer.concat(pieces));
    const fields = {
      crc: pieces.reduce((crc, piece) => crc32(piece, crc), 0),
      compressedSize: packed.length,
      size,
      method: DEFLATED,
      offset,
    };
    if (size >= ZIP64 || offset + packed.length >= ZIP64) throw new RangeError(`zip: 4 GiB or more at ${text}`);
    const common = shared(name.length, fields);
    const local = Buffer.concat([word(LOCAL.signature), common, name]);
    yield local;
    yield packed;
    const made = Buffer.from([20, 0]);
    const rest = Buffer.alloc(10);
    directory.push(Buffer.concat([word(CENTRAL.signature), made, common, rest, word(offset), name]));
    offset += local.length + packed.length;
  }
  const lines = Buffer.concat(directory);
  yield lines;
  const end = Buffer.alloc(END.size);
  end.writeUInt32LE(END.signature, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(lines.length, 12);
  end.writeUInt32LE(offset, 16);
  yield end;
}
