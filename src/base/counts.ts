/** @throws RangeError when `value` is not a whole number from `least` on. */
export function requireCount(operator: string, name: string, value: number, least = 1): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new RangeError(`${operator}: ${name} must be a whole number from ${least} on, got ${value}`);
}
