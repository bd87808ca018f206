/**
 * Numbers per example and examples of a flat batch.
 *
 * @param others Lengths by name of the arrays that must be as long as the data.
 * @throws RangeError when the lengths do not fit.
 */
export function exampleSize(
  operator: string,
  shape: readonly number[],
  length: number,
  others: Readonly<Record<string, number>> = {},
): { readonly dims: number; readonly batch: number } {
  const dims = shape.reduce((a, b) => a * b, 1);
  if (length === 0 || length % dims !== 0) {
    throw new RangeError(`${operator}: ${length} values are not a number of examples of shape [${shape}]`);
  }
  for (const [name, other] of Object.entries(others)) {
    if (other !== length) throw new RangeError(`${operator}: ${name} has ${other} values, the data ${length}`);
  }
  return { dims, batch: length / dims };
}
