/** Tells whether a node still sends metrics. */

export type NodeState = "live" | "quiet" | "ended";

/** ms within which a node counts as live whatever its pace. */
const SOON = 10_000;

/**
 * @param age ms since the last metric.
 * @param interval ms between the last two log steps; 0 when it is not known.
 * @param over The run has told that it has ended.
 */
export function nodeState(age: number, interval: number, over: boolean): NodeState {
  if (over) return "ended";
  return age <= Math.max(SOON, 3 * interval) ? "live" : "quiet";
}
