/** The filters of PNG lines: each byte is stored as its difference from a prediction by its neighbours. */

/** The neighbour nearest to left + above - corner. */
function paeth(left: number, above: number, corner: number): number {
  const [toLeft, toAbove, toCorner] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)]; // prettier-ignore
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** A prediction by the byte one pixel to the left, the one above, and the one above that to the left. */
type Predict = (left: number, above: number, corner: number) => number;

const PREDICTIONS: readonly Predict[] = [
  () => 0,
  (left) => left,
  (_, above) => above,
  (left, above) => (left + above) >> 1,
  paeth,
];

/**
 * Undoes the filters of lines of `width` bytes, each behind the byte of its filter.
 *
 * @param step Bytes of a pixel.
 * @throws RangeError at a filter that there is not.
 * @see https://www.w3.org/TR/png-3, section 9
 */
export function withoutFilters(stored: Uint8Array, height: number, width: number, step: number): Uint8Array {
  const out = new Uint8Array(height * width);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    const filter = stored[from++]!;
    const predict = PREDICTIONS[filter];
    if (!predict) throw new RangeError(`line ${y} has the unknown filter ${filter}`);
    for (let x = 0; x < width; x++, from++, to++) {
      const left = x < step ? 0 : out[to - step]!;
      const above = y === 0 ? 0 : out[to - width]!;
      const corner = x < step || y === 0 ? 0 : out[to - width - step]!;
      out[to] = stored[from]! + predict(left, above, corner);
    }
  }
  return out;
}
