import { randomKey } from "../base/random.ts";
import type { BatchInfo } from "../data/batch.ts";

/** Returns the seed of a batch's random numbers: the run's seed, or another one when the step is repeated. */
export function seedOf(seed: number, { redraw = 0 }: BatchInfo): number {
  if (redraw === 0) return seed;
  const [high, low] = randomKey(seed, "redraw", redraw);
  // A whole number below 2^53.
  return (high >>> 11) * 2 ** 32 + low;
}
