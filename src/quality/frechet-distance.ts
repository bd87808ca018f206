import { UsageError } from "../base/errors.ts";
import { pivotedCholesky, type Factor } from "./cholesky.ts";
import type { Pause } from "./features.ts";
import { addRowProducts } from "./row-products.ts";
import { singularValues } from "./singular-values.ts";
import type { FeatureStatistics } from "./statistics.ts";

const trace = (matrix: Float64Array, dims: number) => {
  let sum = 0;
  for (let i = 0; i < dims; i++) sum += matrix[i * dims + i]!;
  return sum;
};

/** Sum of the singular values of A1' A2, where the covariances are A1 A1' and A2 A2'. */
async function nuclearNorm(one: Factor, other: Factor, dims: number, pause?: Pause): Promise<number> {
  const [a, b] = one.rank >= other.rank ? [one, other] : [other, one];
  if (b.rank === 0) return 0;
  const out = new Float64Array(a.rank * b.rank);
  await addRowProducts({ a: a.rows, b: b.rows, length: dims, out, pause });
  return (await singularValues(out, a.rank, b.rank, pause)).reduce((x, y) => x + y, 0);
}

/**
 * Frechet distance of two Gaussians, |mu1 - mu2|^2 + tr(S1) + tr(S2) - 2 tr((S1^(1/2) S2 S1^(1/2))^(1/2)): the FID, where
 * the statistics are those of Inception's pool_3.
 *
 * The last trace is the sum of the singular values of A1' A2 for any factors with S = A A', here Cholesky's. So no
 * matrix is squared on the way, and the distance is as good as float64 for singular covariances too (fewer images than
 * features). With D = 2048 it takes about half a minute.
 *
 * @returns At least 0, up to round-off; 0 for equal statistics.
 * @throws UsageError when the sizes differ, a number is not finite or sigma is not a covariance; what `pause` rejects with.
 * @see Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (2017);
 * tensorflow_gan's frechet_classifier_distance_from_activations
 */
export async function frechetDistance(
  one: FeatureStatistics,
  other: FeatureStatistics,
  pause?: Pause,
): Promise<number> {
  const dims = one.mu.length;
  if (other.mu.length !== dims) {
    throw new UsageError(
      `${one.name} has ${dims} features, ${other.name} has ${other.mu.length}`,
      "give statistics of the same network and layer",
    );
  }
  for (const { name, mu, sigma } of [one, other]) {
    if (sigma.length !== dims * dims) throw new RangeError(`${name}: sigma has ${sigma.length} values, not ${dims}^2`);
    if (!mu.every(Number.isFinite) || !sigma.every(Number.isFinite)) {
      throw new UsageError(`${name}: mu or sigma has a number that is not finite`, "compute the statistics again");
    }
  }
  const means = one.mu.reduce((sum, m, d) => sum + (m - other.mu[d]!) ** 2, 0);
  const factors = [
    await pivotedCholesky(one.sigma, dims, one.name, pause),
    await pivotedCholesky(other.sigma, dims, other.name, pause),
  ] as const;
  const cross = await nuclearNorm(...factors, dims, pause);
  return means + trace(one.sigma, dims) + trace(other.sigma, dims) - 2 * cross;
}
