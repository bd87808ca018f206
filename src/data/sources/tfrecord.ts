import { BadDataError } from "./bad-data.ts";
import { ByteReader, fileBytes } from "./byte-reader.ts";
import { crc32c } from "../../base/crc.ts";
import { MAX_RECORD_BYTES } from "./limits.ts";

/** TFRecord masks its checksums, so that the checksum of data with checksums in it is no trivial one. */
const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** True when the whole file is packed by gzip. Its mark could also be a length; then the checksum decides. */
async function isPacked(path: string): Promise<boolean> {
  const reader = new ByteReader(fileBytes(path, { end: 12, packed: false }), path);
  const head = Buffer.from(await reader.takeUpTo(12));
  await reader.close();
  const marked = head[0] === 0x1f && head[1] === 0x8b && head.length === 12;
  return marked && masked(crc32c(head.subarray(0, 8))) !== head.readUInt32LE(8);
}

/** A record, or what is wrong with it; after a damaged length nothing more can be found. */
export type RecordOrFault = { readonly bytes: Uint8Array } | { readonly fault: BadDataError };

/**
 * The records of a TFRecord file: length, its checksum, data, its checksum. A record with a wrong checksum is a fault,
 * and the next follow; where lengths are damaged or the file ends early, a fault is the last. The file may be packed
 * by gzip, as TensorFlow does with compression_type="GZIP".
 *
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
export async function* tfRecords(path: string): AsyncGenerator<RecordOrFault> {
  const reader = new ByteReader(fileBytes(path, { packed: await isPacked(path) }), path);
  try {
    for (let index = 0; !(await reader.atEnd()); index++) {
      const where = `${path}: record ${index}`;
      const head = Buffer.from(await reader.take(12));
      const length = Number(head.readBigUInt64LE());
      if (masked(crc32c(head.subarray(0, 8))) !== head.readUInt32LE(8)) {
        throw new BadDataError(where, "its length is damaged; all after it is lost", { whole: true });
      }
      if (length > MAX_RECORD_BYTES) {
        throw new BadDataError(where, `${length} bytes are too many; all after it is lost`, { whole: true });
      }
      const bytes = await reader.take(length);
      const crc = Buffer.from(await reader.take(4)).readUInt32LE();
      if (masked(crc32c(bytes)) === crc) yield { bytes };
      else yield { fault: new BadDataError(where, "damaged: its checksum is wrong") };
    }
  } catch (error) {
    if (!(error instanceof BadDataError)) throw error;
    yield { fault: error };
  } finally {
    await reader.close();
  }
}
