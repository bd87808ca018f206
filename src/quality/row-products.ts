import type { Pause } from "./features.ts";

/** Rows in the panel of B that stays in the second-level cache, and the length of their pieces. */
const PANEL_ROWS = 64;
const PIECE = 256;

/** Matrices whose rows all have `length` numbers. */
export interface RowProducts {
  /** [m, length]. */
  readonly a: Float64Array;
  /** [n, length]. */
  readonly b: Float64Array;
  readonly length: number;
  /** [m, n], added to. */
  readonly out: Float64Array;
  /** Computes only the products whose column is not greater than the row, and some more around the diagonal. */
  readonly lower?: boolean;
  readonly pause?: Pause | undefined;
}

/** A place in a matrix: four rows from `at`, `stride` numbers apart. */
interface Rows {
  readonly values: Float64Array;
  readonly at: number;
  readonly stride: number;
}

/** The dot products of `length` numbers of four rows with those of four others: sixteen sums that stay in registers. */
function tile(rows: Rows, others: Rows, length: number, sums: Float64Array): void {
  const [a, b] = [rows.values, others.values];
  const [a0, b0] = [rows.at, others.at];
  const [a1, a2, a3] = [a0 + rows.stride, a0 + 2 * rows.stride, a0 + 3 * rows.stride];
  const [b1, b2, b3] = [b0 + others.stride, b0 + 2 * others.stride, b0 + 3 * others.stride];
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < length; k++) {
    const x0 = a[a0 + k]!;
    const x1 = a[a1 + k]!;
    const x2 = a[a2 + k]!;
    const x3 = a[a3 + k]!;
    const y0 = b[b0 + k]!;
    const y1 = b[b1 + k]!;
    const y2 = b[b2 + k]!;
    const y3 = b[b3 + k]!;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s02;
  sums[3] = s03;
  sums[4] = s10;
  sums[5] = s11;
  sums[6] = s12;
  sums[7] = s13;
  sums[8] = s20;
  sums[9] = s21;
  sums[10] = s22;
  sums[11] = s23;
  sums[12] = s30;
  sums[13] = s31;
  sums[14] = s32;
  sums[15] = s33;
}

/** A block of the product: rows of A, rows of B, and the piece of both. */
interface Block {
  readonly rows: readonly [number, number];
  readonly others: readonly [number, number];
  readonly piece: readonly [number, number];
}

/** The same for any number of rows, at the edges. */
function edge({ a, b, length, out }: RowProducts, { rows, others, piece }: Block): void {
  const n = b.length / length;
  for (let i = rows[0]; i < rows[1]; i++) {
    for (let j = others[0]; j < others[1]; j++) {
      let sum = 0;
      for (let k = piece[0]; k < piece[1]; k++) sum += a[i * length + k]! * b[j * length + k]!;
      out[i * n + j]! += sum;
    }
  }
}

/** Adds the product of a block, tile by tile. */
function addBlock(matrices: RowProducts, { rows, others: [j0, j1], piece }: Block, panel: Float64Array): void {
  const { a, b, length, out } = matrices;
  const n = b.length / length;
  const [k0, k1] = piece;
  const sums = new Float64Array(16);
  // Packed, for rows a power of two apart fall on the same lines of the cache.
  for (let j = j0; j < j1; j++) panel.set(b.subarray(j * length + k0, j * length + k1), (j - j0) * PIECE);
  for (let i = rows[0]; i < rows[1]; i += 4) {
    const four: Rows = { values: a, at: i * length + k0, stride: length };
    for (let j = j0; j < j1; j += 4) {
      if (i + 4 > rows[1] || j + 4 > j1) {
        edge(matrices, { rows: [i, Math.min(rows[1], i + 4)], others: [j, Math.min(j1, j + 4)], piece });
        continue;
      }
      tile(four, { values: panel, at: (j - j0) * PIECE, stride: PIECE }, k1 - k0, sums);
      for (let at = 0; at < 16; at++) out[(i + (at >> 2)) * n + j + (at & 3)]! += sums[at]!;
    }
  }
}

/**
 * out += A B', by blocks that fit the caches: rows lie one after another in memory, so both are read in order.
 *
 * The sums are taken in an order that depends on the sizes alone.
 */
export async function addRowProducts(matrices: RowProducts): Promise<void> {
  const { a, b, length, lower = false, pause } = matrices;
  const [m, n] = [a.length / length, b.length / length];
  const panel = new Float64Array(PANEL_ROWS * PIECE);
  for (let j = 0; j < n; j += PANEL_ROWS) {
    await pause?.();
    for (let k = 0; k < length; k += PIECE) {
      const others = [j, Math.min(n, j + PANEL_ROWS)] as const;
      addBlock(matrices, { rows: [lower ? j : 0, m], others, piece: [k, Math.min(length, k + PIECE)] }, panel);
    }
  }
}
