/** A Gaussian of correlated numbers, whose entropy is known exactly: x[i+1] = rho x[i] + std sqrt(1 - rho^2) noise. */
import { fillNormal, randomKey } from "../base/random.ts";

/** A Gaussian whose numbers form a stationary chain, with a known density. */
export interface GaussianChain {
  /** Numbers in an example, D. */
  readonly dims: number;
  /** Standard deviation of each number. */
  readonly std: number;
  /** Correlation of neighbours, in (-1, 1). */
  readonly rho: number;
}

/** Draws `count` examples, [count, D], a function of the seed. */
export function sampleChain({ dims, std, rho }: GaussianChain, count: number, seed: number): Float32Array {
  const x = new Float32Array(count * dims);
  fillNormal(randomKey(seed, "data"), x);
  const rest = Math.sqrt(1 - rho * rho);
  for (let i = 0; i < x.length; i++) x[i] = i % dims === 0 ? std * x[i]! : rho * x[i - 1]! + std * rest * x[i]!;
  return x;
}

/** Returns the differential entropy divided by the dimensions: the mean of {@link chainBitsPerDim}. */
export function chainEntropy({ dims, std, rho }: GaussianChain): number {
  const logDet = 2 * dims * Math.log(std) + (dims - 1) * Math.log(1 - rho * rho);
  return (0.5 * dims * Math.log(2 * Math.PI * Math.E) + 0.5 * logDet) / (dims * Math.LN2);
}

/** Computes -log2 p(x) / D of each example, in bits/dim. */
export function chainBitsPerDim({ dims, std, rho }: GaussianChain, x: Float32Array): Float64Array {
  const rest = std * Math.sqrt(1 - rho * rho);
  return Float64Array.from({ length: x.length / dims }, (_, b) => {
    let nats = 0;
    for (let i = 0; i < dims; i++) {
      const [mean, scale] = i === 0 ? [0, std] : [rho * x[b * dims + i - 1]!, rest];
      nats += 0.5 * Math.log(2 * Math.PI) + Math.log(scale) + 0.5 * ((x[b * dims + i]! - mean) / scale) ** 2;
    }
    return nats / (dims * Math.LN2);
  });
}
