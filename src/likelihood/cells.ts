/** Cells: the intervals of continuous data that belong to the values of a pixel. */

/** Pixel value k has the cell from k / levels to (k + 1) / levels; for centred data, both ends times 2, minus 1. */
export interface Cells {
  /** Number of values that a pixel can have, 256 for 8-bit images. */
  readonly levels: number;
  /** Data in [-1, 1] rather than [0, 1]. */
  readonly centered: boolean;
}

/** Returns the width of a cell in units of the data. */
export const cellWidth = ({ levels, centered }: Cells): number => (centered ? 2 : 1) / levels;

/** Returns the value whose cell has this middle. */
export const levelOf = (middle: number, { levels, centered }: Cells): number =>
  Math.round((centered ? (middle + 1) / 2 : middle) * levels - 0.5);

/**
 * Computes -log of the probability of a pixel's value given x(eps) = alpha c + sigma z, where c is the middle of the
 * value's cell. All values are equally likely beforehand, so the probability is the softmax over values of log
 * N(x(eps); alpha c, sigma^2).
 *
 * @param level The value.
 * @param z Its noise.
 * @param step alpha times the cell's width over sigma.
 * @see Kingma et al. 2021, Variational Diffusion Models, the reconstruction loss
 */
export function reconstructionNats(level: number, z: number, step: number, levels: number): number {
  // Farther values add less than e^-40 of the value's own part.
  const reach = Math.abs(z) + 9;
  const first = Math.max(-level, Math.ceil((z - reach) / step));
  const last = Math.min(levels - 1 - level, Math.floor((z + reach) / step));
  let sum = 0;
  for (let j = first; j <= last; j++) sum += Math.exp(0.5 * (z * z - (z - j * step) ** 2));
  return Math.log(sum);
}
