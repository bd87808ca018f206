/** The filters of PNG lines: each byte is stored as its difference from a prediction by its neighbours. */

/**
 * The neighbour nearest to left + above - corner, the first of them where two are; without branches, which a processor
 * cannot foresee in noisy pixels: `x >> 31` is -1 below 0, else 0.
 */
function paeth(left: number, above: number, corner: number): number {
  const difference = left - above;
  const least = difference & (difference >> 31);
  const [low, high] = [above + least, left - least];
  const bound = 3 * corner - left - above;
  const nearer = corner + ((low - corner) & ((high - bound - 1) >> 31));
  return nearer + ((high - nearer) & ((bound - low - 1) >> 31));
}

/** Undoes the filter of a line: `out` from `to` on, as many bytes as a line has, by those of `stored` from `from` on. */
type Undo = (stored: Uint8Array, from: number, out: Uint8Array, to: number, width: number, step: number) => void;

const none: Undo = (stored, from, out, to, width) => {
  for (let x = 0; x < width; x++) out[to + x] = stored[from + x]!;
};

const sub: Undo = (stored, from, out, to, width, step) => {
  none(stored, from, out, to, step, step);
  for (let x = step; x < width; x++) out[to + x] = stored[from + x]! + out[to + x - step]!;
};

const up: Undo = (stored, from, out, to, width) => {
  for (let x = 0; x < width; x++) out[to + x] = stored[from + x]! + out[to + x - width]!;
};

const average: Undo = (stored, from, out, to, width, step) => {
  for (let x = 0; x < width; x++) {
    const left = x < step ? 0 : out[to + x - step]!;
    out[to + x] = stored[from + x]! + ((left + out[to + x - width]!) >> 1);
  }
};

/** {@link average} in the first line, which has none above. */
const averageFirst: Undo = (stored, from, out, to, width, step) => {
  none(stored, from, out, to, step, step);
  for (let x = step; x < width; x++) out[to + x] = stored[from + x]! + (out[to + x - step]! >> 1);
};

const nearest: Undo = (stored, from, out, to, width, step) => {
  for (let x = 0; x < step; x++) out[to + x] = stored[from + x]! + out[to + x - width]!;
  for (let x = step, at = to + step, above = at - width; x < width; x++, at++, above++) {
    out[at] = stored[from + x]! + paeth(out[at - step]!, out[above]!, out[above - step]!);
  }
};

const FILTERS: readonly Undo[] = [none, sub, up, average, nearest];
/** The same for the first line, above which all bytes are 0. */
const FIRST: readonly Undo[] = [none, sub, none, averageFirst, sub];

/**
 * Undoes the filters of lines of `width` bytes, each behind the byte of its filter.
 *
 * @param step Bytes of a pixel.
 * @param out Receives the lines; it has their length.
 * @throws RangeError at a filter that there is not.
 * @see https://www.w3.org/TR/png-3, section 9
 */
export function withoutFilters(
  stored: Uint8Array,
  height: number,
  width: number,
  step: number,
  out: Uint8Array = new Uint8Array(height * width),
): Uint8Array {
  for (let y = 0, from = 0, to = 0; y < height; y++, from += width, to += width) {
    const filter = stored[from++]!;
    const undo = (y === 0 ? FIRST : FILTERS)[filter];
    if (!undo) throw new RangeError(`line ${y} has the unknown filter ${filter}`);
    undo(stored, from, out, to, width, step);
  }
  return out;
}
