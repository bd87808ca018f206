import { CompressionType, compressionRegistry } from "apache-arrow";
import { compressors, decompressZstd } from "hyparquet-compressors";
import { decompressLz4Block, decompressLz4Frame } from "../formats/lz4.ts";
import { MAX_BLOCK_BYTES, MAX_UNPACKED_BYTES, MAX_UNPACKED_RATIO } from "./limits.ts";

/** @throws RangeError when data unpack to far more than images, or pixels, do. */
export function requirePlausible(packed: number, unpacked: number): void {
  if (unpacked <= MAX_UNPACKED_BYTES || unpacked <= MAX_UNPACKED_RATIO * packed) return;
  throw new RangeError(`${packed} bytes unpack to ${unpacked}, far more than those of images do`);
}

/** Unpacks into memory of the size that was declared, so that no more can come of it. */
const zstd = (bytes: Uint8Array, size: number) => decompressZstd(bytes, new Uint8Array(size));

/** Decompressors of Parquet pages. The library's own for LZ4_RAW fails at pages without a value. */
export const parquetCompressors = { ...compressors, ZSTD: zstd, LZ4_RAW: decompressLz4Block };

/**
 * A codec of Arrow buffers. The reader (apache-arrow 21.2.0) leaves out the length of what comes out of it, which stands
 * in the 8 bytes before.
 */
const codec = (decompress: (bytes: Uint8Array, size: number) => Uint8Array) => ({
  decode(bytes: Uint8Array): Uint8Array {
    const size = Number(new DataView(bytes.buffer, bytes.byteOffset - 8, 8).getBigInt64(0, true));
    if (!(size >= 0 && size <= MAX_BLOCK_BYTES)) throw new RangeError(`a buffer of ${size} bytes is too large`);
    requirePlausible(bytes.length, size);
    return decompress(bytes, size);
  },
});

/** Lets Arrow files with packed buffers be read. */
export function registerArrowCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, codec(decompressLz4Frame));
  compressionRegistry.set(CompressionType.ZSTD, codec(zstd));
}
