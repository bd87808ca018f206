/** Mirrors the image at `at` left to right, out of `from` into the same place of `to`. */
export function mirrorImage(
  from: Uint8Array,
  to: Uint8Array,
  at: number,
  [H, W, C]: readonly [number, number, number],
): void {
  for (let y = 0; y < H; y++) {
    const row = at + y * W * C;
    for (let x = 0; x < W; x++) {
      for (let c = 0; c < C; c++) to[row + x * C + c] = from[row + (W - 1 - x) * C + c]!;
    }
  }
}

/** All images mirrored left to right, [N, H, W, C]. */
export function mirrored(images: Uint8Array, shape: readonly [number, number, number]): Uint8Array {
  const out = new Uint8Array(images.length);
  const size = shape[0] * shape[1] * shape[2];
  for (let at = 0; at < images.length; at += size) mirrorImage(images, out, at, shape);
  return out;
}
