import { encode } from "fast-png";

/** Options of {@link pngGrid}. */
export interface PngGridOptions {
  /** Images in a row; default: the largest square that fits, floor(sqrt(N)). */
  readonly columns?: number;
  /** Black pixels around every image, default 2. */
  readonly padding?: number;
}

/**
 * Lays images out in a grid, row by row, and encodes it as PNG.
 *
 * Unused cells are black. The layout is that of `save_image` in the reference's utils.
 *
 * @param images Pixels in 0..255, [N, H, W, C] with N >= 1.
 * @param shape [H, W, C]; C is 1 (grey), 3 (RGB) or 4 (RGBA).
 * @returns The bytes of the PNG file.
 * @throws RangeError when the number of pixels does not fit the shape.
 */
export function pngGrid(
  images: Uint8Array,
  shape: readonly [number, number, number],
  { columns, padding = 2 }: PngGridOptions = {},
): Uint8Array {
  const [height, width, channels] = shape;
  const size = height * width * channels;
  const count = images.length / size;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`pngGrid: ${images.length} values are not a whole number of [${shape.join(", ")}] images`);
  }
  if (![1, 3, 4].includes(channels)) throw new RangeError(`pngGrid: channels must be 1, 3 or 4, got ${channels}`);
  const across = Math.min(columns ?? Math.floor(Math.sqrt(count)), count);
  if (!Number.isInteger(across) || across < 1) throw new RangeError(`pngGrid: columns must be >= 1, got ${columns}`);

  const gridWidth = across * (width + padding) + padding;
  const gridHeight = Math.ceil(count / across) * (height + padding) + padding;
  const grid = new Uint8Array(gridHeight * gridWidth * channels);
  if (channels === 4) for (let i = 3; i < grid.length; i += 4) grid[i] = 255;
  const line = width * channels;
  for (let n = 0; n < count; n++) {
    const top = padding + Math.floor(n / across) * (height + padding);
    const left = padding + (n % across) * (width + padding);
    for (let y = 0; y < height; y++) {
      const from = n * size + y * line;
      grid.set(images.subarray(from, from + line), ((top + y) * gridWidth + left) * channels);
    }
  }
  return encode({ width: gridWidth, height: gridHeight, data: grid, channels, depth: 8 });
}
