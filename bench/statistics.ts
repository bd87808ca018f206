/** Numbers from repeated measurements. */

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @throws RangeError without values. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("spread: no values");
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** Largest |a - b| / |b| over pairs. */
export const largestDeviation = (a: readonly number[], b: readonly number[]) =>
  Math.max(...b.map((value, i) => Math.abs(a[i]! - value) / Math.abs(value)));
