import { UsageError } from "../base/errors.ts";
import type { Pause } from "./features.ts";

/** A factor A of a covariance, S = A A', as the rows of A': [rank, D]. */
export interface Factor {
  readonly rows: Float64Array;
  readonly rank: number;
}

/** Steps between pauses. */
const PAUSE_EVERY = 16;

/**
 * Cholesky's factor with pivots, of a symmetric positive semi-definite matrix of any rank.
 *
 * It ends where what is left of the diagonal is round-off: D times the float64 spacing times the largest variance.
 *
 * @param matrix [D, D].
 * @param name Named in errors.
 * @throws UsageError when the matrix is far from positive semi-definite; what `pause` rejects with.
 * @see Higham, Accuracy and Stability of Numerical Algorithms, Section 10.3; LAPACK's dpstrf
 */
export async function pivotedCholesky(
  matrix: Float64Array,
  dims: number,
  name: string,
  pause?: Pause,
): Promise<Factor> {
  const order = Uint32Array.from({ length: dims }, (_, i) => i);
  const left = Float64Array.from(order, (i) => matrix[i * dims + i]!);
  const tolerance = dims * Number.EPSILON * left.reduce((a, b) => Math.max(a, b), 0);
  // Row i belongs to the variable order[i] and grows by one number a step.
  const lower = new Float64Array(dims * dims);
  let rank = 0;
  for (; rank < dims; rank++) {
    if (rank % PAUSE_EVERY === 0) await pause?.();
    let pivot = rank;
    for (let i = rank + 1; i < dims; i++) if (left[order[i]!]! > left[order[pivot]!]!) pivot = i;
    if (!(left[order[pivot]!]! > tolerance)) break;
    [order[rank], order[pivot]] = [order[pivot]!, order[rank]!];
    const [p, q] = [rank * dims, pivot * dims];
    const kept = lower.slice(p, p + rank);
    lower.copyWithin(p, q, q + rank);
    lower.set(kept, q);
    const variable = order[rank]!;
    const root = Math.sqrt(left[variable]!);
    lower[p + rank] = root;
    for (let i = rank + 1; i < dims; i++) {
      const row = i * dims;
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += lower[row + k]! * lower[p + k]!;
      const value = (matrix[order[i]! * dims + variable]! - sum) / root;
      lower[row + rank] = value;
      left[order[i]!]! -= value * value;
    }
  }
  for (let i = rank; i < dims; i++) {
    // A matrix that was rounded to float32 may fall short by as much as that.
    const least = left[order[i]!]!;
    if (least < -(tolerance * 2 ** 29)) {
      throw new UsageError(
        `${name}: sigma is not a covariance matrix: its variance in one direction is ${least}`,
        "compute the statistics again",
      );
    }
  }
  const rows = new Float64Array(rank * dims);
  for (let i = 0; i < dims; i++) for (let k = 0; k < rank; k++) rows[k * dims + order[i]!] = lower[i * dims + k]!;
  return { rows, rank };
}
