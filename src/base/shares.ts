/** Cutting a whole into contiguous, almost equal shares. */

export interface Share {
  readonly first: number;
  /** The one after the last. */
  readonly end: number;
}

/**
 * The share `index` of `parts` of [0, total).
 *
 * @param unit Shares begin at multiples of it, default 1.
 */
export function shareOf(total: number, parts: number, index: number, unit = 1): Share {
  const units = Math.ceil(total / unit);
  const first = unit * Math.floor((units * index) / parts);
  const end = unit * Math.floor((units * (index + 1)) / parts);
  return { first: Math.min(total, first), end: Math.min(total, end) };
}
