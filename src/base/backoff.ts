/** Delays between attempts. */
import { setTimeout } from "node:timers/promises";

/** ms before an attempt: twice as long each time, and not the same on every node so that they do not all come at once. */
export function backoffDelay(attempt: number, [least, most]: readonly [number, number], random = Math.random): number {
  return Math.min(most, least * 2 ** Math.min(attempt, 30)) * (0.5 + random() / 2);
}

/** Waits so many ms, or until it is told not to. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => {});
