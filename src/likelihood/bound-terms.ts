/** The terms of the variational bound on -log p(x(0)) of one example, in nats, as scalar functions. */
import type { SDE } from "../sde/sde.ts";

/** Sums over the numbers of an example that the integrand needs. */
export interface ScoreSums {
  /** |score|^2. */
  readonly squared: number;
  /** score . z, with x(t) = alpha_t x(0) + sigma_t z. */
  readonly dotNoise: number;
}

/** The sums of example `b`, in float64. */
export function scoreSums(score: Float32Array, noise: Float32Array, dims: number, b: number): ScoreSums {
  let squared = 0;
  let dotNoise = 0;
  for (let i = b * dims; i < (b + 1) * dims; i++) {
    squared += score[i]! ** 2;
    dotNoise += score[i]! * noise[i]!;
  }
  return { squared, dotNoise };
}

/**
 * Denoising score matching integrand g^2 (|score + z / sigma|^2 - |z / sigma|^2) - 2 div(drift), with the squares
 * multiplied out, which loses no digits for small sigma.
 *
 * @see Song et al. 2021, Theorem 3, the bound L^DSM
 */
export function dsmIntegrand(sde: SDE, t: number, { squared, dotNoise }: ScoreSums, dims: number): number {
  return sde.diffusion(t) ** 2 * (squared + (2 * dotNoise) / sde.std(t)) - 2 * dims * sde.driftCoeff(t);
}

/**
 * Sliced score matching integrand g^2 (|score|^2 + 2 div(score)) - 2 div(drift).
 *
 * @see Song et al. 2021, Theorem 3, the bound L^SM
 */
export function ssmIntegrand(sde: SDE, t: number, squared: number, divergence: number, dims: number): number {
  return sde.diffusion(t) ** 2 * (squared + 2 * divergence) - 2 * dims * sde.driftCoeff(t);
}

/** -log of the prior density at alpha_T x(0) + sigma_T z. */
export function priorTerm(sde: SDE, data: Float32Array, noise: Float32Array, dims: number, b: number): number {
  const [alpha, sigma] = [sde.meanCoeff(sde.T), sde.std(sde.T)];
  let sum = 0;
  for (let i = b * dims; i < (b + 1) * dims; i++) sum += (alpha * data[i]! + sigma * noise[i]!) ** 2;
  return 0.5 * (dims * Math.log(2 * Math.PI * sde.priorStd ** 2) + sum / sde.priorStd ** 2);
}

/** The mean of {@link priorTerm} over z ~ N(0, I). */
export function expectedPriorTerm(sde: SDE, data: Float32Array, dims: number, b: number): number {
  const [alpha, sigma] = [sde.meanCoeff(sde.T), sde.std(sde.T)];
  let sum = dims * sigma ** 2;
  for (let i = b * dims; i < (b + 1) * dims; i++) sum += (alpha * data[i]!) ** 2;
  return 0.5 * (dims * Math.log(2 * Math.PI * sde.priorStd ** 2) + sum / sde.priorStd ** 2);
}

/**
 * Computes the difference between the bound at time 0 and the bound at time eps. It is the reconstruction error of x(0)
 * by one Gaussian step minus the entropy of x(eps) given x(0). With q(x(0) | x) = N((x + sigma^2 score) / alpha, (sigma
 * / alpha)^2) everything but |z + sigma score|^2 / 2 - D / 2 - D log(alpha) cancels.
 *
 * @param sums Sums of the score at x(eps) = alpha x(0) + sigma z.
 * @param noiseSquared |z|^2.
 * @see Song et al. 2021, Appendix on numerical stability; the reference's bound_likelihood.py get_likelihood_offset_fn
 */
export function offsetTerm(sde: SDE, eps: number, sums: ScoreSums, noiseSquared: number, dims: number): number {
  const sigma = sde.std(eps);
  const residual = noiseSquared + 2 * sigma * sums.dotNoise + sigma ** 2 * sums.squared;
  return 0.5 * (residual - dims) - dims * Math.log(sde.meanCoeff(eps));
}
