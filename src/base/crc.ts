/** Checksums of containers: zip has CRC-32, TFRecord CRC-32C. */
import * as zlib from "node:zlib";

/** @param before Checksum of the bytes before. */
type Checksum = (bytes: Uint8Array, before?: number) => number;

/** Four tables, so that four bytes are taken at a time. */
function tables(polynomial: number): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value >>> 0;
  });
  const all = [first];
  for (let k = 1; k < 4; k++) all.push(all[k - 1]!.map((value) => (first[value & 255]! ^ (value >>> 8)) >>> 0));
  return all;
}

/** A reflected CRC of 32 bits. */
function reflected(polynomial: number): Checksum {
  const [t0, t1, t2, t3] = tables(polynomial) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return (bytes, before = 0) => {
    let crc = ~before;
    let i = 0;
    for (; i + 4 <= bytes.length; i += 4) {
      crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
    }
    for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}

/** Ten times as fast; from Node 20.15 and 22.2 on. */
const native = (zlib as { crc32?: Checksum }).crc32;
/** CRC-32 of zip, gzip and PNG. */
export const crc32: Checksum = native
  ? // Of no bytes Node's is 0, whatever came before.
    (bytes, before = 0) => (bytes.length > 0 ? native(bytes, before) : before)
  : reflected(0xedb88320);
/** CRC-32C (Castagnoli). */
export const crc32c = reflected(0x82f63b78);
