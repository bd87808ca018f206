import { inflateSync } from "node:zlib";
import { crc32 } from "../../base/crc.ts";
import { withoutFilters } from "./png-filters.ts";
import { mostUnpacked, requireUnpacked, type PngLayout } from "./png-layout.ts";
import type { Picture, Shape } from "./source.ts";

const MAX_SIDE = 128;
/** Channels of the color types grey and RGB. */
export const CHANNELS: Readonly<Record<number, 1 | 3>> = { 0: 1, 2: 3 };
/** Bytes of a file beyond which it is none: its pixels as they are, and the rest. */
export const LARGEST_SMALL = 2 * MAX_SIDE * MAX_SIDE * 3 + 65_536;
/** The kind of the last chunk, as a number. */
const IEND = 0x49454e44;
/** Chunks that change the pixels, or are unpacked too. */
const OTHERS = ["tRNS", "eXIf", "iCCP", "acTL"];

/** True when {@link decodeSmallPng} can decode it: up to 128 x 128 pixels, 8 bits, grey or RGB, and nothing else. */
export function isSmallPng({ width, height, depth, type, interlaced, packed, kinds }: PngLayout): boolean {
  const channels = CHANNELS[type];
  if (depth !== 8 || channels === undefined || interlaced || OTHERS.some((kind) => kinds.has(kind))) return false;
  const size = packed.reduce((sum, { length }) => sum + length, 0);
  return (
    width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE && size <= 2 * width * height * channels + 4096
  );
}

/** Shape of the picture in a small PNG. */
export const shapeOf = ({ width, height, type }: PngLayout): Shape => [height, width, CHANNELS[type]!];

/**
 * Decodes a small plain PNG in this thread: a library of its own (fast-png 8.0.0) takes three times as long, and handing
 * it to libvips longer still.
 *
 * @param out Receives the pixels; it has their number.
 * @throws Error when it is damaged, or unpacks to more than its pixels.
 */
export function decodeSmallPng(bytes: Uint8Array, layout: PngLayout, out?: Uint8Array): Picture {
  requireWhole(bytes);
  const shape = shapeOf(layout);
  const [height, width, channels] = shape;
  const stored = unpack(layout, mostUnpacked(layout));
  requireUnpacked(layout, stored?.length ?? Infinity);
  return { data: withoutFilters(stored!, height, width * channels, channels, out), shape };
}

/** @throws RangeError when a chunk is not as it was written, or the last is missing. */
function requireWhole(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      const kind = Buffer.from(bytes.subarray(at + 4, at + 8)).toString("latin1");
      throw new RangeError(`the checksum of its chunk ${kind} is wrong`);
    }
    if (view.getUint32(at + 4) === IEND) return;
    at = end + 4;
  }
  throw new RangeError("cut short: its last chunk is missing");
}

/** The lines of the pixels; undefined when there are more than `most` bytes. */
function unpack({ packed }: PngLayout, most: number): Uint8Array | undefined {
  const bytes = packed.length === 1 ? packed[0]! : Buffer.concat(packed);
  try {
    return inflateSync(bytes, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
}
