import type { SDE } from "./sde.ts";

/**
 * Checks the time that stands in place of 0.
 *
 * @param operator Name for the error message.
 * @throws RangeError when `eps` is not in (0, T).
 */
export function requireEps(operator: string, { T }: SDE, eps: number): void {
  if (!(eps > 0 && eps < T)) throw new RangeError(`${operator}: eps must lie in (0, ${T}), got ${eps}`);
}
