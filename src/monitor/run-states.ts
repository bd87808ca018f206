/** The newest state of every node of every run, and which of them are no longer heard of. */
import { isMetric, isState, type Entry, type StateEntry } from "../metrics/metric.ts";
import { isOver, LOST_AFTER } from "../metrics/run-state.ts";

interface Heard {
  readonly entry: StateEntry;
  /** ms since 1970, by the clock here. */
  readonly at: number;
}

const keyOf = ({ runId, node }: Pick<Entry, "runId" | "node">) => JSON.stringify([runId, node]);

/** Nodes that never told a state, as older versions do not, are never lost. */
export class RunStates {
  readonly #heard = new Map<string, Heard>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The newest of each node. */
  newest(): readonly StateEntry[] {
    return [...this.#heard.values()].map(({ entry }) => entry);
  }

  /** Forgets a run. */
  forget(runId: string): void {
    for (const [key, { entry }] of this.#heard) if (entry.runId === runId) this.#heard.delete(key);
  }

  /** Takes what came just now, a metric as a sign of life. */
  take(entries: readonly Entry[]): void {
    const at = this.#now();
    for (const entry of entries) {
      const heard = this.#heard.get(keyOf(entry));
      if (isState(entry)) this.#heard.set(keyOf(entry), { entry, at });
      else if (isMetric(entry) && heard) this.#heard.set(keyOf(entry), { ...heard, at });
    }
  }

  /** Takes what was told in the past, at the time it says. */
  remember(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (isState(entry)) this.#heard.set(keyOf(entry), { entry, at: Date.parse(entry.state.time) });
    }
  }

  /** States "lost" in place of those that are silent for too long, once each. */
  lose(): StateEntry[] {
    const now = this.#now();
    const lost = [...this.#heard.values()]
      .filter(({ entry: { state }, at }) => !isOver(state) && state.phase !== "lost" && now - at > LOST_AFTER)
      // In the place of what was heard last: who goes on from there is told again.
      .map(({ entry }): StateEntry => ({ ...entry, state: { ...entry.state, phase: "lost", secondsLeft: undefined, runSecondsLeft: undefined } })); // prettier-ignore
    for (const entry of lost) this.#heard.set(keyOf(entry), { entry, at: now });
    return lost;
  }
}
