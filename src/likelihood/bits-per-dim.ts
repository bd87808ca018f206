/** The scaling of the data whose density is given. */
export interface BitsPerDimOptions {
  /** Number of values that a pixel can have, 256 for 8-bit images. */
  readonly levels: number;
  /** True if the density is of data in [-1, 1) instead of [0, 1). */
  readonly centered: boolean;
}

/**
 * Computes bits per dimension of dequantized discrete data: -log2 P / D, where P is the probability of the discrete
 * value.
 *
 * A pixel value k was mapped to (k + u) / levels, u in [0, 1), and when centred to twice that minus 1. The density of
 * k + u is p times the mapping's derivative, 1 / levels or 2 / levels, for each dimension. That adds
 * log2(levels) = 8 bits for data in [0, 1), and log2(levels) - 1 = 7 bits for centred data.
 *
 * @param logp Log density of the mapped example, in nats.
 * @param dims Numbers in an example.
 * @see the reference's likelihood.py, `offset`
 */
export function bitsPerDimOf(logp: number, dims: number, { levels, centered }: BitsPerDimOptions): number {
  return -logp / (dims * Math.LN2) + Math.log2(levels) - (centered ? 1 : 0);
}
