/** Converts series to curves. */

/** Points of a curve; x strictly ascending, y NaN for a gap. */
export interface Points {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/**
 * Exponential moving average, corrected for its start as Adam's moments are: the first value is the first, and a
 * constant stays as it is. Gaps stay, and do not count.
 *
 * @param weight Of what was before, in [0, 1); 0 leaves the values as they are.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let mean = 0;
  let total = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return NaN;
    mean = weight * mean + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return mean / total;
  });
}

/** The points in [min, max], and one on each side, so that lines reach the border. */
export function crop({ x, y }: Points, min: number, max: number): Points {
  let from = 0;
  let to = x.length;
  while (from + 1 < x.length && x[from + 1]! < min) from++;
  while (to - 2 >= 0 && x[to - 2]! > max) to--;
  return { x: x.slice(from, to), y: y.slice(from, to) };
}

/**
 * Thins a curve to at most `2 * buckets + 2` points that draw the same line at `buckets` pixels. Keeps the smallest and
 * the largest of each bucket of neighbours, in their order, and the first and the last of all.
 */
export function thinPoints({ x, y }: Points, buckets: number): Points {
  const length = x.length;
  if (length <= 2 * buckets + 2) return { x, y };
  const kept = [0];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = 1 + Math.floor((bucket * (length - 2)) / buckets);
    const to = 1 + Math.floor(((bucket + 1) * (length - 2)) / buckets);
    let [low, high] = [from, from];
    for (let i = from + 1; i < to; i++) {
      // A gap gives way to anything.
      if (y[i]! < y[low]! || Number.isNaN(y[low]!)) low = i;
      if (y[i]! > y[high]! || Number.isNaN(y[high]!)) high = i;
    }
    kept.push(Math.min(low, high));
    if (low !== high) kept.push(Math.max(low, high));
  }
  kept.push(length - 1);
  return { x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) };
}

/**
 * Curves over one axis: all their x, ascending, and for each curve its y there; undefined where it has no point, which
 * the line passes over, null where it has a gap.
 */
export function align(curves: readonly Points[]): [number[], ...(number | null | undefined)[][]] {
  const all = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const place = new Map(all.map((x, i) => [x, i]));
  const columns = curves.map(({ x, y }) => {
    const column = new Array<number | null | undefined>(all.length).fill(undefined);
    x.forEach((at, i) => (column[place.get(at)!] = Number.isFinite(y[i]!) ? y[i]! : null));
    return column;
  });
  return [all, ...columns];
}

/**
 * Puts a curve on a grid that other curves share, of `buckets` places between `min` and `max`: their common axis stays
 * as short as a screen is wide. Keeps the smallest and the largest of each bucket in their order, moved by less than
 * half a bucket each; points outside stay where they are.
 */
export function toGrid({ x, y }: Points, min: number, max: number, buckets: number): Points {
  const width = (max - min) / buckets;
  const [gx, gy]: [number[], number[]] = [[], []];
  const put = (at: number, i: number) => (gx.push(at), gy.push(y[i]!));
  for (let from = 0, to = 1; from < x.length; from = to++) {
    if (x[from]! < min || x[from]! > max) {
      put(x[from]!, from);
      continue;
    }
    const bucket = Math.min(buckets - 1, Math.floor((x[from]! - min) / width));
    const end = bucket === buckets - 1 ? max : min + (bucket + 1) * width;
    while (to < x.length && (bucket === buckets - 1 ? x[to]! <= end : x[to]! < end)) to++;
    let [low, high] = [from, from];
    for (let i = from + 1; i < to; i++) {
      if (y[i]! < y[low]! || Number.isNaN(y[low]!)) low = i;
      if (y[i]! > y[high]! || Number.isNaN(y[high]!)) high = i;
    }
    put(min + (bucket + 0.25) * width, Math.min(low, high));
    if (low !== high) put(min + (bucket + 0.75) * width, Math.max(low, high));
  }
  return { x: gx, y: gy };
}

/** The value of the point next to a place; undefined more than `slack` before the first or after the last. */
export function curveValueAt({ x, y }: Points, at: number, slack: number): number | undefined {
  if (x.length === 0 || at < x[0]! - slack || at > x.at(-1)! + slack) return undefined;
  let [low, high] = [0, x.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < at) low = middle + 1;
    else high = middle;
  }
  const next = low > 0 && at - x[low - 1]! < x[low]! - at ? low - 1 : low;
  return y[next];
}
