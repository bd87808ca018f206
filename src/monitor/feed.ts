/** The source from which watchers get their metrics. */
import { Subject, type Observable } from "rxjs";
import type { Entry, StateEntry } from "../metrics/metric.ts";
import type { MetricLog } from "./metric-log.ts";
import { isOver } from "../metrics/run-state.ts";
import { RunStates } from "./run-states.ts";

export interface Feed {
  /** The records there are. */
  logs(): readonly MetricLog[];
  /** The newest state of each node of each run. */
  states(): readonly StateEntry[];
  /** Entries that came after the ends of the records, as they come; completes when no more will. */
  readonly live: Observable<readonly Entry[]>;
  /** True when {@link live} completes because there will be no more; false when only the telling ends. */
  ended(): boolean;
}

/** The feed of one run, whose record another thread writes. */
export class RunFeed implements Feed {
  readonly #log: MetricLog;
  readonly #states = new RunStates();
  readonly live = new Subject<readonly Entry[]>();

  constructor(log: MetricLog) {
    this.#log = log;
    const newest = log.skip();
    if (newest) this.#states.remember([newest]);
  }

  logs(): readonly MetricLog[] {
    return [this.#log];
  }

  states(): readonly StateEntry[] {
    return this.#states.newest();
  }

  /** Runs of older versions tell no state. */
  ended(): boolean {
    return this.states().every(({ state }) => isOver(state));
  }

  /** Passes on what was written since the last call. */
  refresh(): void {
    const entries = [...this.#log.advance()];
    if (entries.length === 0) return;
    this.#states.take(entries);
    this.live.next(entries);
  }

  /** Passes on the rest, and ends. */
  close(): void {
    this.refresh();
    this.live.complete();
  }
}
