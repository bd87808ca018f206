/** The statistics files of the field: npz with `mu` and `sigma`, or with the features `pool_3` themselves. */
import { readNpz, writeNpz } from "../data/formats/npz.ts";
import type { NpyArray } from "../data/formats/npy.ts";
import { UsageError } from "../base/errors.ts";
import type { Features, Pause } from "./features.ts";
import { featureStatistics, type FeatureStatistics } from "./statistics.ts";

export interface DataStatistics {
  readonly statistics: FeatureStatistics;
  /** The features, where the file has them: what the kernel distance needs. */
  readonly pool3: Features | undefined;
}

const REMEDY = "give an npz file with mu [D] and sigma [D, D], or with pool_3 [N, D]";

const isFloat = (data: NpyArray["data"]) => data instanceof Float32Array || data instanceof Float64Array;

/** The array's values, whose shape must be `shape`. */
function floats(path: string, field: string, { data, shape }: NpyArray, expected: readonly number[]): Float64Array {
  if (!isFloat(data) || shape.join() !== expected.join()) {
    throw new UsageError(
      `${path}: ${field} is ${data.constructor.name} [${shape}], expected floats [${expected}]`,
      REMEDY,
    );
  }
  return Float64Array.from(data);
}

/** Round-off that a covariance saved as float32 may have between its halves, relative to its largest number. */
const ASYMMETRY = 1e-5;

function checkSymmetric(path: string, sigma: Float64Array, dims: number): void {
  const allowed = ASYMMETRY * sigma.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  for (let i = 0; i < dims; i++) {
    for (let j = 0; j < i; j++) {
      if (Math.abs(sigma[i * dims + j]! - sigma[j * dims + i]!) > allowed) {
        throw new UsageError(`${path}: sigma is not symmetric at [${i}, ${j}], so it is not a covariance`, REMEDY);
      }
    }
  }
}

/** The features [N, D], also where axes of size 1 lie between: [N, 1, 1, D]. */
function pool(path: string, { data, shape }: NpyArray): Features {
  const [rows, ...rest] = shape;
  const dims = rest.at(-1);
  if (!isFloat(data) || rows === undefined || !dims || rest.slice(0, -1).some((size) => size !== 1)) {
    throw new UsageError(`${path}: pool_3 is ${data.constructor.name} [${shape}], expected floats [N, D]`, REMEDY);
  }
  return { name: path, data: data as Float32Array, rows, dims };
}

/**
 * Reads the statistics of a data set.
 *
 * @throws UsageError when the file is malformed, or has neither form; a system error when it cannot be read.
 * @see the reference's evaluation.py load_dataset_stats (pool_3); pytorch-fid (mu and sigma)
 */
export async function readStatistics(path: string, pause?: Pause): Promise<DataStatistics> {
  const arrays = await readNpz(path, ["mu", "sigma", "pool_3"]);
  const [mu, sigma, features] = [arrays.get("mu"), arrays.get("sigma"), arrays.get("pool_3")];
  const pool3 = features && pool(path, features);
  if (!mu || !sigma) {
    if (!pool3) throw new UsageError(`${path}: it has neither mu and sigma nor pool_3`, REMEDY);
    return { statistics: await featureStatistics(pool3, pause), pool3 };
  }
  const dims = mu.data.length;
  if (pool3 && pool3.dims !== dims)
    throw new UsageError(`${path}: mu has ${dims} features, pool_3 ${pool3.dims}`, REMEDY);
  const statistics = {
    name: path,
    mu: floats(path, "mu", mu, [dims]),
    sigma: floats(path, "sigma", sigma, [dims, dims]),
  };
  checkSymmetric(path, statistics.sigma, dims);
  return { statistics, pool3 };
}

/** Writes the statistics of a data set, with the features where they are given, atomically. */
export async function writeStatistics(path: string, { statistics, pool3 }: DataStatistics): Promise<void> {
  const { mu, sigma } = statistics;
  await writeNpz(path, {
    mu: { shape: [mu.length], data: mu },
    sigma: { shape: [mu.length, mu.length], data: sigma },
    ...(pool3 && { pool_3: { shape: [pool3.rows, pool3.dims], data: pool3.data } }),
  });
}
