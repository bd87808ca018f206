/** Numbers about arrays of numbers. */

/** Moments in float64; `skewness` and `kurtosis` are standardized. */
export function moments(values: ArrayLike<number>) {
  const all = Array.from(values);
  const average = (f: (v: number) => number) => all.reduce((sum, v) => sum + f(v), 0) / all.length;
  const mean = average((v) => v);
  const variance = average((v) => (v - mean) ** 2);
  return {
    mean,
    variance,
    skewness: average((v) => (v - mean) ** 3) / variance ** 1.5,
    kurtosis: average((v) => (v - mean) ** 4) / variance ** 2,
    min: all.reduce((a, b) => Math.min(a, b)),
    max: all.reduce((a, b) => Math.max(a, b)),
  };
}

/** Largest |a_i - b_i| / (scale + |b_i|); infinite when lengths differ or a number is NaN. */
export function largestError(a: ArrayLike<number>, b: ArrayLike<number>, scale = 1): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a).reduce((worst, value, i) => {
    const error = Math.abs(value - b[i]!) / (scale + Math.abs(b[i]!));
    return Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }, 0);
}
