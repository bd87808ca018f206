import type { SDE } from "./sde.ts";

/**
 * Computes alpha_t x(0) + sigma_t z, with one time per example.
 *
 * @param data x(0), [B, ...shape].
 * @param noise z, as long as the data.
 * @param t [B].
 */
export function perturbExamples(sde: SDE, data: Float32Array, noise: Float32Array, t: ArrayLike<number>): Float32Array {
  const dims = data.length / t.length;
  const out = new Float32Array(data.length);
  for (let b = 0; b < t.length; b++) {
    const [alpha, sigma] = [sde.meanCoeff(t[b]!), sde.std(t[b]!)];
    for (let i = b * dims; i < (b + 1) * dims; i++) out[i] = alpha * data[i]! + sigma * noise[i]!;
  }
  return out;
}
