import { checkFeatures, type Features, type Pause } from "./features.ts";
import { addRowProducts } from "./row-products.ts";

/** Mean and covariance of features, what the Frechet distance compares. */
export interface FeatureStatistics {
  /** Names the statistics in errors. */
  readonly name: string;
  /** [D]. */
  readonly mu: Float64Array;
  /** [D, D], symmetric. */
  readonly sigma: Float64Array;
}

/** Rows that are centred and transposed at a time. */
const CHUNK = 256;

export function featureMean({ data, rows, dims }: Features): Float64Array {
  const mean = new Float64Array(dims);
  for (let i = 0; i < rows; i++) for (let d = 0; d < dims; d++) mean[d]! += data[i * dims + d]!;
  return mean.map((sum) => sum / rows);
}

/** Copies what lies below the diagonal of a square matrix above it, times `scale`. */
function mirror(matrix: Float64Array, dims: number, scale: number): void {
  for (let i = 0; i < dims; i++) {
    for (let j = 0; j <= i; j++) matrix[i * dims + j] = matrix[j * dims + i] = matrix[i * dims + j]! * scale;
  }
}

/**
 * Mean and unbiased covariance (divided by rows - 1) in float64.
 *
 * @throws UsageError when there are fewer than 2 rows or a value is not finite; what `pause` rejects with.
 * @see numpy.cov(features, rowvar=False)
 */
export async function featureStatistics(features: Features, pause?: Pause): Promise<FeatureStatistics> {
  checkFeatures(features, 2);
  const { name, data, rows, dims } = features;
  const mu = featureMean(features);
  const sigma = new Float64Array(dims * dims);
  for (let first = 0; first < rows; first += CHUNK) {
    const length = Math.min(CHUNK, rows - first);
    const centred = new Float64Array(dims * length);
    for (let i = 0; i < length; i++) {
      for (let d = 0; d < dims; d++) centred[d * length + i] = data[(first + i) * dims + d]! - mu[d]!;
    }
    await addRowProducts({ a: centred, b: centred, length, out: sigma, lower: true, pause });
  }
  mirror(sigma, dims, 1 / (rows - 1));
  return { name, mu, sigma };
}
