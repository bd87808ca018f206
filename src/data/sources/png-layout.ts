import { pipeline, Readable } from "node:stream";
import { createInflate } from "node:zlib";

/** The header data of a PNG file, read without its pixels. */
export interface PngLayout {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly type: number;
  readonly interlaced: boolean;
  /** The pixels as they are packed, in pieces. */
  readonly packed: readonly Uint8Array[];
  /** Kinds of the chunks in it. */
  readonly kinds: ReadonlySet<string>;
  /** Bytes of the pixels when they are unpacked: every line has one more, its filter. */
  readonly unpacked: number;
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Adam7: first pixel and distance across, and down, of each pass. */
const PASSES = [
  [0, 8, 0, 8],
  [4, 8, 0, 8],
  [0, 4, 4, 8],
  [2, 4, 0, 4],
  [0, 2, 2, 4],
  [1, 2, 0, 2],
  [0, 1, 1, 2],
] as const;
const WHOLE = [[0, 1, 0, 1]] as const;

/** Other decoders pass over a little behind the pixels; more is an attack. */
const SURPLUS = 1 << 16;

const lines = (width: number, height: number, bits: number) =>
  width > 0 && height > 0 ? height * (1 + Math.ceil((width * bits) / 8)) : 0;

/**
 * Walks the chunks up to the end, or to one that does not fit; undefined for what is no PNG.
 *
 * @see https://www.w3.org/TR/png-3
 */
export function pngLayout(bytes: Uint8Array): PngLayout | undefined {
  if (bytes.length < 33 || SIGNATURE.some((byte, i) => bytes[i] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [packed, kinds] = [[] as Uint8Array[], new Set<string>()];
  for (let at = 8; at + 8 <= bytes.length;) {
    const [length, kind] = [
      view.getUint32(at),
      String.fromCharCode(bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!, bytes[at + 7]!),
    ];
    kinds.add(kind);
    if (kind === "IDAT") packed.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const [width, height, depth, type, interlaced] = [view.getUint32(16), view.getUint32(20), bytes[24]!, bytes[25]!, bytes[28] === 1]; // prettier-ignore
  const bits = depth * (SAMPLES[type] ?? 4);
  const passes = interlaced ? PASSES : WHOLE;
  const unpacked = passes.reduce(
    (sum, [x, across, y, down]) => sum + lines(Math.ceil((width - x) / across), Math.ceil((height - y) / down), bits),
    0,
  );
  return { width, height, depth, type, interlaced, packed, kinds, unpacked };
}

/** The most that the pixels may unpack to. */
export const mostUnpacked = ({ unpacked }: PngLayout): number => unpacked + SURPLUS;

/** @throws RangeError when what came out of the file is not what its pixels take. */
export function requireUnpacked({ width, height, unpacked }: PngLayout, found: number): void {
  if (found >= unpacked && found <= unpacked + SURPLUS) return;
  throw new RangeError(
    found < unpacked
      ? `its ${width} x ${height} pixels take ${unpacked} bytes, it has ${found}`
      : `it unpacks to far more than the ${unpacked} bytes of its ${width} x ${height} pixels`,
  );
}

/**
 * Unpacks the pixels, keeping none: in memory of its own size for any file, by a thread of the system.
 *
 * @throws RangeError when they are more or fewer than the file declares; zlib's error when it is damaged.
 */
export async function checkPacked(layout: PngLayout): Promise<void> {
  const inflated = pipeline(Readable.from(layout.packed), createInflate({ chunkSize: 1 << 18 }), () => {});
  let found = 0;
  for await (const chunk of inflated as AsyncIterable<Uint8Array>) {
    found += chunk.length;
    if (found > mostUnpacked(layout)) break;
  }
  requireUnpacked(layout, found);
}
