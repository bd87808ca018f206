/** Matrices and features for the tests, and slow plain forms of what is tested. */
import { fillNormal, randomKey } from "../../src/base/random.ts";
import type { Features } from "../../src/quality/features.ts";
import type { FeatureStatistics } from "../../src/quality/statistics.ts";

export function normals(n: number, seed: number): Float64Array {
  const out = new Float32Array(n);
  fillNormal(randomKey(seed), out);
  return Float64Array.from(out);
}

/** [rows, dims] of correlated numbers that are not centred. */
export function features(rows: number, dims: number, seed: number, name = `features ${seed}`): Features {
  const data = normals(rows * dims, seed);
  for (let i = 1; i < data.length; i++) if (i % dims > 0) data[i] = 0.5 * data[i - 1]! + data[i]! + 0.3;
  return { name, data, rows, dims };
}

/** A B' of [m, length] and [n, length]. */
export function rowProducts(a: Float64Array, b: Float64Array, length: number): Float64Array {
  const [m, n] = [a.length / length, b.length / length];
  return Float64Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += a[Math.floor(at / n) * length + k]! * b[(at % n) * length + k]!;
    return sum;
  });
}

export function transpose(a: Float64Array, columns: number): Float64Array {
  const rows = a.length / columns;
  return Float64Array.from({ length: a.length }, (_, at) => a[(at % rows) * columns + Math.floor(at / rows)]!);
}

/** A covariance of the given rank, or of full rank. */
export function covariance(dims: number, seed: number, rank = dims): Float64Array {
  const a = normals(dims * rank, seed);
  return rowProducts(a, a, rank);
}

export const diagonal = (values: ArrayLike<number>): Float64Array => {
  const n = values.length;
  return Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? values[at / (n + 1)]! : 0));
};

export const statistics = (mu: ArrayLike<number>, sigma: Float64Array, name = "some"): FeatureStatistics => ({
  name,
  mu: Float64Array.from(mu),
  sigma,
});

export const trace = (matrix: Float64Array, dims: number) =>
  Array.from({ length: dims }, (_, i) => matrix[i * dims + i]!).reduce((a, b) => a + b, 0);
