/** Tells whether a node still sends something, and its state. */
import { isOver, LOST_AFTER, type RunState } from "../../../metrics/run-state.ts";
import type { NodeRecord } from "./store.ts";

/** State shown for a node that tells none. */
export type OldState = "live" | "quiet" | "ended";

/** ms within which a node counts as live whatever its pace. */
const SOON = 10_000;

/**
 * The state of a node of an older version, which tells none.
 *
 * @param age ms since the last metric.
 * @param interval ms between the last two log steps; 0 when it is not known.
 * @param over The run has told that it has ended.
 */
export function nodeState(age: number, interval: number, over: boolean): OldState {
  if (over) return "ended";
  return age <= Math.max(SOON, 3 * interval) ? "live" : "quiet";
}

/** A state as it is by now. */
export interface StateNow extends RunState {
  /** Seconds without a word. */
  readonly silent: number;
  /** Seconds without progress. */
  readonly idle: number;
}

const less = (left: number | undefined, passed: number) => (left === undefined ? undefined : Math.max(0, left - passed)); // prettier-ignore

/** Last state of a node, carried on to `now` (ms since 1970 by the server's clock); "lost" where that is too long ago. */
export function stateNow({ state, heard }: Pick<NodeRecord, "state" | "heard">, now: number): StateNow | undefined {
  if (!state) return undefined;
  if (isOver(state)) return { ...state, silent: 0, idle: 0 };
  const passed = Math.max(0, now - heard) / 1000;
  const silent = Math.max(passed, state.phase === "lost" ? (now - Date.parse(state.time)) / 1000 : 0);
  if (state.phase === "lost" || 1000 * passed > LOST_AFTER) return { ...state, phase: "lost", silent, idle: silent };
  const on = { secondsLeft: less(state.secondsLeft, passed), runSecondsLeft: less(state.runSecondsLeft, passed) };
  return { ...state, ...on, silent, idle: state.idleSeconds + passed };
}
