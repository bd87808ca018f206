import { crc32c } from "../../base/crc.ts";

/** TFRecord masks its checksums, so that the checksum of data with checksums in it is no trivial one. */
const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/**
 * A record of a TFRecord file: length (8 bytes), its checksum (4), the data, their checksum (4), little endian.
 *
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(8 + 4 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(masked(crc32c(record.subarray(0, 8))), 8);
  record.set(data, 12);
  record.writeUInt32LE(masked(crc32c(data)), 12 + data.length);
  return record;
}
