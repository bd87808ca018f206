/** The source from which watchers get their metrics. */
import { Subject, type Observable } from "rxjs";
import type { MetricEntry } from "../metrics/metric.ts";
import type { MetricLog } from "./metric-log.ts";

export interface Feed {
  /** The records there are. */
  logs(): readonly MetricLog[];
  /** Entries that came after the ends of the records, as they come; completes when no more will. */
  readonly live: Observable<readonly MetricEntry[]>;
}

/** The feed of one run, whose record another thread writes. */
export class RunFeed implements Feed {
  readonly #log: MetricLog;
  readonly live = new Subject<readonly MetricEntry[]>();

  constructor(log: MetricLog) {
    this.#log = log;
    log.skip();
  }

  logs(): readonly MetricLog[] {
    return [this.#log];
  }

  /** Passes on what was written since the last call. */
  refresh(): void {
    const entries = [...this.#log.advance()];
    if (entries.length > 0) this.live.next(entries);
  }

  /** Passes on the rest, and ends. */
  close(): void {
    this.refresh();
    this.live.complete();
  }
}
