import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { pivotedCholesky } from "../../src/quality/cholesky.ts";
import { addRowProducts } from "../../src/quality/row-products.ts";
import { singularValues } from "../../src/quality/singular-values.ts";
import { tridiagonalEigenvalues } from "../../src/quality/tridiagonal.ts";
import "../golden/allclose.ts";
import { covariance, diagonal, normals, rowProducts, transpose } from "./matrices.ts";

const stop = () => Promise.reject(new Error("stop"));
const sorted = (values: Float64Array) => values.slice().sort();

describe("addRowProducts", () => {
  // Beyond the edges of its blocks of 4, 64 and 256.
  it.each([
    [1, 1, 1],
    [4, 4, 8],
    [5, 7, 300],
    [70, 67, 3],
    [9, 130, 513],
  ])("adds A B' of %i and %i rows of %i", async (m, n, length) => {
    const [a, b, start] = [normals(m * length, 1), normals(n * length, 2), normals(m * n, 3)];
    const out = start.slice();
    await addRowProducts({ a, b, length, out });
    const expected = rowProducts(a, b, length).map((value, i) => value + start[i]!);
    expect(out).toBeAllclose(expected, { atol: 1e-12 * length });
  });

  it("has all that lies on and below the diagonal, where only that is asked for", async () => {
    const [n, length] = [131, 9];
    const a = normals(n * length, 1);
    const out = new Float64Array(n * n);
    await addRowProducts({ a, b: a, length, out, lower: true });
    const below = (values: Float64Array) => values.filter((_, at) => at % n <= Math.floor(at / n));
    expect(below(out)).toBeAllclose(below(rowProducts(a, a, length)), { atol: 1e-12 });
    expect(out[n - 1]).toBe(0);
  });

  it("stops", async () => {
    const a = normals(4, 1);
    await expect(addRowProducts({ a, b: a, length: 2, out: new Float64Array(4), pause: stop })).rejects.toThrow("stop");
  });
});

describe("pivotedCholesky", () => {
  it.each([
    [1, 1],
    [12, 12],
    [40, 40],
    [40, 11],
  ])("factors a covariance of %i variables and rank %i", async (dims, rank) => {
    const matrix = covariance(dims, 1, rank);
    const factor = await pivotedCholesky(matrix, dims, "x");
    expect(factor.rank).toBe(rank);
    const columns = transpose(factor.rows, dims);
    expect(rowProducts(columns, columns, rank)).toBeAllclose(matrix, { atol: 1e-12 * dims * rank });
  });

  it("gives no rows for a matrix of zeros", async () => {
    expect(await pivotedCholesky(new Float64Array(9), 3, "x")).toEqual({ rows: new Float64Array(0), rank: 0 });
  });

  it("takes a covariance that was rounded to float32, and refuses what is none", async () => {
    const rounded = covariance(30, 1, 5).map(Math.fround);
    await expect(pivotedCholesky(rounded, 30, "x")).resolves.toBeDefined();
    const run = pivotedCholesky(diagonal([1, -0.5]), 2, "stats.npz");
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(/^stats\.npz: sigma is not a covariance.* -0\.5/);
    await expect(pivotedCholesky(Float64Array.of(1, 2, 2, 1), 2, "x")).rejects.toThrow(/not a covariance/);
  });

  it("stops", () => expect(pivotedCholesky(diagonal([1]), 1, "x", stop)).rejects.toThrow("stop"));
});

describe("tridiagonalEigenvalues", () => {
  it.each([1, 2, 7, 200])("of the second difference in %i points", (n) => {
    const values = tridiagonalEigenvalues(new Float64Array(n).fill(2), new Float64Array(n - 1).fill(-1));
    const exact = Float64Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expect(sorted(values)).toBeAllclose(exact, { atol: 1e-13 });
  });

  it("of matrices that fall apart, or are 0", () => {
    const apart = tridiagonalEigenvalues(Float64Array.of(0, 0, 0, 5, 0), Float64Array.of(3, 0, 0, 0));
    expect(sorted(apart)).toBeAllclose([-3, 0, 0, 3, 5], { atol: 1e-14 });
    expect(tridiagonalEigenvalues(new Float64Array(4), new Float64Array(3))).toEqual(new Float64Array(4));
    expect(tridiagonalEigenvalues(new Float64Array(0), new Float64Array(0))).toEqual(new Float64Array(0));
  });
});

describe("singularValues", () => {
  /** Reflection I - 2 v v' / |v|^2, [n, n]. */
  function reflection(n: number, seed: number): Float64Array {
    const v = normals(n, seed);
    const norm = v.reduce((sum, x) => sum + x * x, 0);
    return diagonal(new Float64Array(n).fill(1)).map(
      (one, at) => one - (2 * v[Math.floor(at / n)]! * v[at % n]!) / norm,
    );
  }

  it.each([
    [1, [3]],
    [5, [4, 3, 2, 1, 0.5]],
    [9, [1e6, 10, 10, 1, 1e-6]],
    [30, [7, 7, 0, 0, 0, 0]],
    [8, [0, 0, 0]],
  ])("of a matrix of %i rows made from %j", async (rows, values) => {
    const columns = values.length;
    const middle = new Float64Array(rows * columns);
    values.forEach((value, i) => (middle[i * columns + i] = value));
    // U S V' as products of rows: the reflections are symmetric.
    const left = rowProducts(reflection(rows, 1), transpose(middle, columns), rows);
    const matrix = rowProducts(left, reflection(columns, 2), columns);
    const received = await singularValues(matrix, rows, columns);
    expect(sorted(received)).toBeAllclose(
      values
        .slice()
        .reverse()
        .sort((a, b) => a - b),
      { atol: 1e-14 * rows * Math.max(...values) },
    );
  });

  it("has the sum of squares of the matrix", async () => {
    const matrix = normals(60 * 41, 1);
    const squares = (x: Float64Array) => x.reduce((sum, value) => sum + value ** 2, 0);
    const before = squares(matrix);
    expect(squares(await singularValues(matrix, 60, 41))).toBeAllclose(before, { rtol: 1e-12 });
  });

  it("refuses a wide matrix, and stops", async () => {
    await expect(singularValues(new Float64Array(6), 2, 3)).rejects.toThrow(RangeError);
    await expect(singularValues(normals(4, 1), 2, 2, stop)).rejects.toThrow("stop");
  });
});
