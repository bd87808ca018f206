import { RunError } from "../base/errors.ts";

/** Sweeps allowed for each eigenvalue; two are usual. */
const MAX_SWEEPS = 60;

/** The first m >= l at which the matrix falls apart: its off-diagonal number is round-off of its neighbours. */
function split(d: Float64Array, e: Float64Array, l: number): number {
  let m = l;
  for (; m < d.length - 1; m++) {
    if (Math.abs(e[m]!) <= Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!)) || Math.abs(e[m]!) < 1e-290) break;
  }
  return m;
}

/** One QL sweep with Wilkinson's shift over the rows l to m. */
function sweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  let r = Math.hypot(g, 1);
  g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    r = (d[i]! - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}

/**
 * Eigenvalues of a symmetric tridiagonal matrix, in no order.
 *
 * @param diagonal [n].
 * @param offDiagonal [n - 1].
 * @throws RunError when an eigenvalue does not converge.
 * @see Golub and Van Loan, Matrix Computations, Section 8.3; EISPACK's imtql1
 */
export function tridiagonalEigenvalues(diagonal: Float64Array, offDiagonal: Float64Array): Float64Array {
  const d = diagonal.slice();
  const e = new Float64Array(d.length);
  e.set(offDiagonal);
  for (let l = 0; l < d.length; l++) {
    for (let sweeps = 0; ; sweeps++) {
      const m = split(d, e, l);
      if (m === l) break;
      if (sweeps === MAX_SWEEPS) throw new RunError(`eigenvalue ${l} of ${d.length} did not converge`);
      sweep(d, e, l, m);
    }
  }
  return d;
}
