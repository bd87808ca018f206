import type { ImageMessage } from "./messages.ts";

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** Channels of PNG's colour types; a palette is shown as RGB. */
const CHANNELS = new Map([
  [0, 1],
  [2, 3],
  [3, 3],
  [4, 2],
  [6, 4],
]);

/**
 * An image message of the bytes of a PNG file, its size from the header.
 *
 * @throws RangeError when the bytes are no PNG file.
 * @see https://www.w3.org/TR/png-3/#11IHDR
 */
export function pngImage(png: Uint8Array): ImageMessage {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const colorspace = bytes.length < 29 ? undefined : CHANNELS.get(bytes[25]!);
  if (!bytes.subarray(0, 8).equals(SIGNATURE) || colorspace === undefined) throw new RangeError("image: not a PNG");
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), colorspace, encodedImageString: png };
}
