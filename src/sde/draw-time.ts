import type { SDE } from "./sde.ts";

export interface DrawTimeOptions {
  /** Smallest time, in (0, T). */
  readonly eps: number;
  /** With density proportional to g^2 / sigma^2 (Section 5.1) rather than uniformly from [eps, T]. */
  readonly importance: boolean;
}

/**
 * What turns u in [0, 1) into a diffusion time.
 *
 * @param operator Named in the error.
 * @throws RangeError when importance is asked of an SDE that has no importance weight.
 */
export function drawTime(operator: string, sde: SDE, { eps, importance }: DrawTimeOptions): (u: number) => number {
  if (!importance) return (u) => eps + u * (sde.T - eps);
  const weight = sde.importance;
  if (!weight) throw new RangeError(`${operator}: the ${sde.name} SDE has no importance weight`);
  const total = weight.cumulative(sde.T, eps);
  return (u) => weight.inverse(u * total, eps);
}
