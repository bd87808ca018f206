/** The range of values that is worth drawing. */

export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Values that are not between them. */
  readonly outside: number;
}

/** Values from which on outliers can be told. */
const ENOUGH = 20;

/**
 * Bounds that leave out what lies further from the middle 96 % of the values than twice their spread; all of few values.
 * Undefined without a finite value.
 */
export function boundsOf(values: readonly number[]): Bounds | undefined {
  const all = Float64Array.from(values.filter(Number.isFinite)).sort();
  if (all.length === 0) return undefined;
  const [least, most] = [all[0]!, all.at(-1)!];
  if (all.length < ENOUGH) return { min: least, max: most, outside: 0 };
  const [low, high] = [0.02, 0.98].map((part) => all[Math.round(part * (all.length - 1))]!) as [number, number];
  const room = 2 * (high - low);
  // All but a few are one value: there is no spread to measure by.
  if (room === 0) return { min: least, max: most, outside: 0 };
  const inside = all.filter((value) => value >= low - room && value <= high + room);
  return { min: inside[0]!, max: inside.at(-1)!, outside: all.length - inside.length };
}
