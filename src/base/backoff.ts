/** Delays between attempts. */

/** ms before an attempt: twice as long each time, and not the same on every node so that they do not all come at once. */
export function backoffDelay(attempt: number, [least, most]: readonly [number, number], random = Math.random): number {
  return Math.min(most, least * 2 ** Math.min(attempt, 30)) * (0.5 + random() / 2);
}
