/** Two feeds as one: what runs push, and what lies in workdirs. */
import { filter, map, merge, type Observable } from "rxjs";
import type { Entry, StateEntry } from "../metrics/metric.ts";
import type { Feed } from "./feed.ts";
import type { MetricLog } from "./metric-log.ts";

/** A run that is in both is told by the first. */
export class JoinedFeed implements Feed {
  readonly #first: Feed;
  readonly #second: Feed;
  readonly live: Observable<readonly Entry[]>;

  constructor(first: Feed, second: Feed) {
    [this.#first, this.#second] = [first, second];
    const others = second.live.pipe(
      map((entries) => this.#others(entries)),
      filter((entries) => entries.length > 0),
    );
    this.live = merge(first.live, others);
  }

  logs(): readonly MetricLog[] {
    const known = this.#known();
    return [...this.#first.logs(), ...this.#second.logs().filter(({ owner }) => !known.has(owner.runId))];
  }

  states(): readonly StateEntry[] {
    return [...this.#first.states(), ...this.#others(this.#second.states())];
  }

  /** Runs may go on, and others come. */
  ended(): boolean {
    return false;
  }

  #known = () => new Set(this.#first.logs().map(({ owner }) => owner.runId));

  #others<T extends Entry>(entries: readonly T[]): T[] {
    const known = this.#known();
    return entries.filter(({ runId }) => !known.has(runId));
  }
}
