/** Closed forms of diagonal Gaussian distributions, all in nats. */

/**
 * log N(x; mean, diag(std^2)) of each example.
 *
 * @param x [B, D].
 * @param mean [D].
 * @param std [D], or one number for all dimensions.
 * @returns [B].
 */
export function gaussianLogDensity(
  x: ArrayLike<number>,
  mean: ArrayLike<number>,
  std: ArrayLike<number> | number,
): Float64Array {
  const dims = mean.length;
  const s = (i: number) => (typeof std === "number" ? std : std[i]!);
  let constant = 0;
  for (let i = 0; i < dims; i++) constant -= 0.5 * Math.log(2 * Math.PI) + Math.log(s(i));
  return Float64Array.from({ length: x.length / dims }, (_, b) => {
    let sum = 0;
    for (let i = 0; i < dims; i++) sum += ((x[b * dims + i]! - mean[i]!) / s(i)) ** 2;
    return constant - 0.5 * sum;
  });
}

/** Differential entropy of N(., diag(std^2)), the mean of -log density. */
export function gaussianEntropy(std: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < std.length; i++) sum += 0.5 * Math.log(2 * Math.PI) + 0.5 + Math.log(std[i]!);
  return sum;
}
