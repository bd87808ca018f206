/** The newest state of every node of every run, and which of them are no longer heard of. */
import { isMetric, isState, type Entry, type StateEntry } from "../metrics/metric.ts";
import { isOver, LOST_AFTER } from "../metrics/run-state.ts";

/** ms that count at most between two turns here: what comes while this program is blocked or asleep is not yet read. */
const MOMENT = 5000;
/** ms without a word after which nobody waits for a node that may have had nobody to tell. */
const OLD = 24 * 3600_000;

interface Heard {
  readonly entry: StateEntry;
  /** By {@link RunStates.#time}. */
  readonly at: number;
}

const keyOf = ({ runId, node }: Pick<Entry, "runId" | "node">) => JSON.stringify([runId, node]);

/**
 * Nodes that never told a state, as older versions do not, are never lost.
 *
 * Silence is measured by a clock that is never set: one that is set forward would make every run look lost, and one that
 * is set back would hide a loss.
 */
export class RunStates {
  readonly #heard = new Map<string, Heard>();
  readonly #now: () => number;
  #before: number;
  /** ms during which something could be heard. */
  #time = 0;

  /** @param now Milliseconds of a clock that is never set. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#before = now();
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
    const at = this.#pass();
    for (const entry of entries) {
      const heard = this.#heard.get(keyOf(entry));
      if (isState(entry)) this.#heard.set(keyOf(entry), { entry, at });
      else if (isMetric(entry) && heard) this.#heard.set(keyOf(entry), { ...heard, at });
    }
  }

  /**
   * Takes what was told in the past, at the time it says.
   *
   * @param couldTell True where nodes tell although nobody listens, as into a file. Others could tell nothing before now:
   * their silence begins now, unless it has lasted for a day.
   */
  remember(entries: readonly Entry[], couldTell = true): void {
    const at = this.#pass();
    for (const entry of entries) {
      if (!isState(entry)) continue;
      // A clock of another machine may be ahead.
      const age = Math.max(0, Date.now() - Date.parse(entry.state.time));
      this.#heard.set(keyOf(entry), { entry, at: couldTell || age > OLD ? at - age : at });
    }
  }

  /** States "lost" in place of those that are silent for too long, once each; to be called every few seconds. */
  lose(): StateEntry[] {
    const now = this.#pass();
    const lost = [...this.#heard.values()]
      .filter(({ entry: { state }, at }) => !isOver(state) && state.phase !== "lost" && now - at > LOST_AFTER)
      // In the place of what was heard last: who goes on from there is told again.
      .map(({ entry }): StateEntry => ({ ...entry, state: { ...entry.state, phase: "lost", secondsLeft: undefined, runSecondsLeft: undefined } })); // prettier-ignore
    for (const entry of lost) this.#heard.set(keyOf(entry), { entry, at: now });
    return lost;
  }

  #pass(): number {
    const now = this.#now();
    this.#time += Math.min(Math.max(0, now - this.#before), MOMENT);
    this.#before = now;
    return this.#time;
  }
}
