import { UsageError } from "../base/errors.ts";
import { permutation, randomKey } from "../base/random.ts";
import { checkFeatures, type Features, type Pause } from "./features.ts";
import { addRowProducts } from "./row-products.ts";

export interface KernelDistanceOptions {
  /** Most rows of a block; the estimate is the mean over blocks. */
  readonly maxBlockSize?: number;
  /** Blocks of rows from a fixed permutation, as data may lie sorted; default: of rows that follow one another. */
  readonly shuffled?: boolean;
  readonly pause?: Pause | undefined;
}

export interface KernelDistance {
  /** The mean of the blocks' estimates, which may be below 0. */
  readonly kid: number;
  /** Its standard error; NaN for a single block. */
  readonly standardError: number;
}

/** Cuts rows into blocks that differ by one row at most, the larger ones last: [start, end) each. */
export function blocksOf(rows: number, blocks: number): readonly (readonly [number, number])[] {
  const size = Math.floor(rows / blocks);
  const smaller = blocks - (rows % blocks);
  const start = (i: number) => i * size + Math.max(0, i - smaller);
  return Array.from({ length: blocks }, (_, i) => [start(i), start(i + 1)] as const);
}

/** Sums of the kernel (x.y / D + 1)^3 over all pairs of rows, and over the pairs of a row with itself. */
async function kernelSums(a: Float64Array, b: Float64Array, dims: number, pause?: Pause) {
  const [m, n] = [a.length / dims, b.length / dims];
  const out = new Float64Array(m * n);
  await addRowProducts({ a, b, length: dims, out, lower: a === b, pause });
  let [all, own] = [0, 0];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < (a === b ? i : n); j++) all += (out[i * n + j]! / dims + 1) ** 3;
    if (a === b) own += (out[i * n + i]! / dims + 1) ** 3;
  }
  return a === b ? { all: 2 * all + own, own } : { all, own };
}

/** Unbiased estimate of the squared maximum mean discrepancy. */
async function discrepancy(a: Float64Array, b: Float64Array, dims: number, pause?: Pause): Promise<number> {
  const [m, n] = [a.length / dims, b.length / dims];
  const [aa, bb, ab] = [
    await kernelSums(a, a, dims, pause),
    await kernelSums(b, b, dims, pause),
    await kernelSums(a, b, dims, pause),
  ];
  return (aa.all - aa.own) / (m * (m - 1)) + (bb.all - bb.own) / (n * (n - 1)) - (2 * ab.all) / (m * n);
}

/**
 * Kernel distance, the KID where the features are Inception's pool_3: the unbiased squared maximum mean discrepancy
 * under the kernel (x.y / D + 1)^3, averaged over blocks of rows.
 *
 * @throws UsageError when the sizes differ, a number is not finite, or there are too few rows; RangeError when the block
 * size is not an integer of at least 2; what `pause` rejects with.
 * @see Binkowski et al., Demystifying MMD GANs (2018); tensorflow_gan's
 * kernel_classifier_distance_and_std_from_activations
 */
export async function kernelDistance(
  real: Features,
  generated: Features,
  { maxBlockSize = 1024, shuffled = false, pause }: KernelDistanceOptions = {},
): Promise<KernelDistance> {
  if (!Number.isInteger(maxBlockSize) || maxBlockSize < 2) {
    throw new RangeError(`kernelDistance: maxBlockSize must be an integer of at least 2, got ${maxBlockSize}`);
  }
  const { dims } = real;
  if (generated.dims !== dims) {
    throw new UsageError(
      `${real.name} has ${dims} features, ${generated.name} has ${generated.dims}`,
      "give features of the same network and layer",
    );
  }
  const count = Math.max(1, Math.ceil(Math.max(real.rows, generated.rows) / maxBlockSize));
  for (const features of [real, generated]) checkFeatures(features, 2 * count);
  const [r, g] = [blocksOf(real.rows, count), blocksOf(generated.rows, count)];
  const [realOrder, generatedOrder] = [real, generated].map(({ rows }, i) =>
    shuffled && count > 1 ? permutation(randomKey(0, "kernel distance", i), rows) : undefined,
  );
  const rowsOf = ({ data }: Features, order: Uint32Array | undefined, [start, end]: readonly [number, number]) => {
    const out = new Float64Array((end - start) * dims);
    for (let i = start; i < end; i++) {
      const row = order ? order[i]! : i;
      out.set(data.subarray(row * dims, (row + 1) * dims), (i - start) * dims);
    }
    return out;
  };
  const estimates: number[] = [];
  for (let i = 0; i < count; i++) {
    estimates.push(
      await discrepancy(rowsOf(real, realOrder, r[i]!), rowsOf(generated, generatedOrder, g[i]!), dims, pause),
    );
  }
  const kid = estimates.reduce((a, b) => a + b, 0) / count;
  const variance = estimates.reduce((sum, e) => sum + (e - kid) ** 2, 0) / (count - 1);
  return { kid, standardError: Math.sqrt(variance / count) };
}
