import type { ImportanceWeight, SDE } from "./sde.ts";
import { velocityTimes } from "./velocity-times.ts";

/**
 * Density from which diffusion times are drawn. "likelihood": proportional to g^2 / sigma^2 (Section 5.1). "velocity":
 * the same times alpha^2 / (alpha^2 + sigma^2), see {@link velocityTimes}.
 */
export type TimeDensity = "uniform" | "likelihood" | "velocity";

export const timeDensities = ["uniform", "likelihood", "velocity"] as const satisfies readonly TimeDensity[];

/** Options of {@link drawTime}. */
export interface DrawTimeOptions {
  /** Smallest time, in (0, T). */
  readonly eps: number;
  readonly density: TimeDensity;
}

/**
 * Returns the function from u in [0, 1) to a diffusion time in [eps, T].
 *
 * @param operator Name for the error message.
 * @throws RangeError for the density "likelihood" with an SDE that has no importance weight.
 */
export function drawTime(operator: string, sde: SDE, { eps, density }: DrawTimeOptions): (u: number) => number {
  if (density === "uniform") return (u) => eps + u * (sde.T - eps);
  const weight = density === "likelihood" ? importanceOf(operator, sde) : velocityTimes(sde);
  const total = weight.cumulative(sde.T, eps);
  return (u) => weight.inverse(u * total, eps);
}

function importanceOf(operator: string, sde: SDE): ImportanceWeight {
  if (!sde.importance) throw new RangeError(`${operator}: the ${sde.name} SDE has no importance weight`);
  return sde.importance;
}
