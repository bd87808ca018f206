/** Writes zip archives with deflated entries, as NumPy writes them. */
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { crc32 } from "../../base/crc.ts";
import { DEFLATED, directoryLine, endRecord, localHeader, U32, UTF8_NAME } from "./zip-records.ts";

/**
 * The pieces of an archive with deflated entries.
 *
 * @param contents Pieces of each entry by its name.
 * @throws RangeError when the archive would have 4 GiB or more.
 */
export async function* zipPieces(contents: ReadonlyMap<string, readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  const lines: Buffer[] = [];
  let offset = 0;
  for (const [text, pieces] of contents) {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const packed = await promisify(deflateRaw)(Buffer.concat(pieces));
    if (size >= U32 || offset + packed.length >= U32) throw new RangeError(`zip: 4 GiB or more at ${text}`);
    const crc = pieces.reduce((crc, piece) => crc32(piece, crc), 0);
    const kind = { flags: UTF8_NAME, method: DEFLATED };
    const entry = { ...kind, name: Buffer.from(text), crc, packed: packed.length, size };
    const header = localHeader(entry);
    yield header;
    yield packed;
    lines.push(directoryLine(entry, offset));
    offset += header.length + packed.length;
  }
  const directory = Buffer.concat(lines);
  yield directory;
  yield endRecord(lines.length, directory.length, offset);
}
