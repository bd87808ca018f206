import type { Pause } from "./features.ts";
import { tridiagonalEigenvalues } from "./tridiagonal.ts";

/** Steps between pauses. */
const PAUSE_EVERY = 8;

/**
 * Householder's reflection I - tau v v' of a vector onto its first axis: v[0] = 1 is written over the vector.
 *
 * @returns tau, and what the first number becomes.
 */
function reflect(v: Float64Array): { readonly tau: number; readonly first: number } {
  const scale = v.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  let rest = 0;
  for (let i = 1; i < v.length; i++) rest += (v[i]! / scale) ** 2;
  const alpha = v[0]!;
  v[0] = 1;
  // No reflection is needed where zeros follow the first number; in a vector of zeros `rest` is NaN.
  if (!(rest > 0)) return { tau: 0, first: alpha };
  const norm = scale * Math.hypot(alpha / scale, Math.sqrt(rest));
  const first = alpha > 0 ? -norm : norm;
  for (let i = 1; i < v.length; i++) v[i]! /= alpha - first;
  return { tau: (first - alpha) / first, first };
}

/** One row of the matrix: takes away `times` w, and gives the product with u of what is left. */
function updateRow(row: Float64Array, times: number, w: Float64Array, u: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < row.length; j++) {
    const value = row[j]! - times * w[j]!;
    row[j] = value;
    sum += value * u[j]!;
  }
  return sum;
}

const subtract = (row: Float64Array, times: number, w: Float64Array) => {
  for (let j = 0; j < row.length; j++) row[j]! -= times * w[j]!;
};

/**
 * Singular values of a matrix, in no order: Householder's bidiagonal form B, then the eigenvalues of [0 B; B' 0].
 *
 * Errors are round-off of the largest value. A 2048 x 2048 matrix takes some 20 s.
 *
 * @param matrix [rows, columns] with rows >= columns; overwritten.
 * @returns [columns].
 * @throws RangeError when there are more columns than rows; what `pause` rejects with.
 * @see Golub and Van Loan, Matrix Computations, Sections 5.4.8 and 8.6
 */
export async function singularValues(
  matrix: Float64Array,
  rows: number,
  columns: number,
  pause?: Pause,
): Promise<Float64Array> {
  if (rows < columns) throw new RangeError(`singularValues: ${rows} rows are fewer than ${columns} columns`);
  // Alternately the diagonal and the numbers right of it: as a tridiagonal matrix with a diagonal of zeros, the
  // permuted [0 B; B' 0], its eigenvalues are plus and minus the singular values.
  const bidiagonal = new Float64Array(Math.max(0, 2 * columns - 1));
  const rowFrom = (i: number, k: number) => matrix.subarray(i * columns + k, (i + 1) * columns);
  for (let k = 0; k < columns; k++) {
    if (k % PAUSE_EVERY === 0) await pause?.();
    const v = Float64Array.from({ length: rows - k }, (_, i) => matrix[(k + i) * columns + k]!);
    const left = reflect(v);
    bidiagonal[2 * k] = left.first;
    const width = columns - k - 1;
    if (width === 0) break;
    const w = new Float64Array(width);
    for (let i = k; i < rows; i++) subtract(w, -left.tau * v[i - k]!, rowFrom(i, k + 1));
    const u = rowFrom(k, k + 1).slice();
    subtract(u, 1, w);
    const right = reflect(u);
    bidiagonal[2 * k + 1] = right.first;
    for (let i = k + 1; i < rows; i++) {
      const row = rowFrom(i, k + 1);
      subtract(row, right.tau * updateRow(row, v[i - k]!, w, u), u);
    }
  }
  const eigenvalues = tridiagonalEigenvalues(new Float64Array(2 * columns), bidiagonal);
  return eigenvalues
    .map(Math.abs)
    .sort()
    .filter((_, i) => i % 2 === 0);
}
