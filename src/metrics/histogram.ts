/** Ends of the buckets above 0: from 1e-12 each 1.1 times the one before it up to 1e20, then the largest float64. */
function positiveLimits(): number[] {
  const limits: number[] = [];
  for (let limit = 1e-12; limit < 1e20; limit *= 1.1) limits.push(limit);
  return [...limits, Number.MAX_VALUE];
}

const POSITIVE = positiveLimits();
const LIMITS = [...POSITIVE.map((limit) => -limit).reverse(), 0, ...POSITIVE];

const ZERO = POSITIVE.length;
const RATIO = Math.log(1.1);

/** The bucket of a value: the first whose end is above it. */
function bucketOf(value: number): number {
  const size = Math.abs(value);
  // The logarithm is right up to its rounding; the ends decide.
  const rank = size < POSITIVE[0]! ? 0 : Math.min(Math.floor(Math.log(size / 1e-12) / RATIO) + 1, ZERO - 1);
  let bucket = value < 0 ? ZERO - rank : ZERO + 1 + rank;
  while (bucket > 0 && LIMITS[bucket - 1]! > value) bucket--;
  while (bucket < LIMITS.length - 1 && LIMITS[bucket]! <= value) bucket++;
  return bucket;
}

/**
 * Counts the values of all `pieces` in TensorFlow's buckets; neighbouring empty buckets are one.
 *
 * @throws RangeError when there are no values, or one is not finite.
 * @see tensorflow/core/lib/histogram/histogram.cc
 */
export function histogramOf(pieces: readonly ArrayLike<number>[]): HistogramMessage {
  const num = pieces.reduce((n, { length }) => n + length, 0);
  if (num === 0) throw new RangeError("histogram: there are no values");
  const counts = new Float64Array(LIMITS.length);
  let [min, max, sum, sumSquares] = [Infinity, -Infinity, 0, 0];
  for (const values of pieces) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) throw new RangeError(`histogram: values must be finite, got ${value} at ${i}`);
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      sumSquares += value * value;
      counts[bucketOf(value)]!++;
    }
  }
  const bucketLimit: number[] = [];
  const bucket: number[] = [];
  for (const [i, count] of counts.entries()) {
    if (count === 0 && bucket.at(-1) === 0) bucketLimit.pop();
    else bucket.push(count);
    bucketLimit.push(LIMITS[i]!);
  }
  return { min, max, num, sum, sumSquares, bucketLimit, bucket };
}

/** Buckets end at `bucketLimit`, which ascends; `bucket` counts what is in each. */
export interface HistogramMessage {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly bucketLimit: readonly number[];
  readonly bucket: readonly number[];
}
