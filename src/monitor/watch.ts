import type { Feed } from "./feed.ts";
import { batchOf, isMetric, type Entry, type MetricBatch } from "../metrics/metric.ts";
import { filterOf, type WatchRequest } from "./watch-filter.ts";
import { WatchQueue } from "./watch-queue.ts";

/** Entries that may wait for one watcher. */
export const WATCH_LIMIT = 10_000;

/** A watcher's metrics. */
export interface Watch {
  /** Batches to iterate once; the past is read from the records as fast as it is asked for. */
  readonly batches: AsyncIterable<MetricBatch>;
  /** Stops waiting for more: `batches` ends after what has come. */
  close(): void;
}

/**
 * Begins to watch: the past up to now from the records and of the states the newest, then what comes, nothing twice and nothing left out but what
 * does not fit in the buffer of `limit` entries.
 */
export function watch(feed: Feed, request: WatchRequest, limit = WATCH_LIMIT): Watch {
  const { span, runIds } = request;
  const filter = filterOf(request);
  const queue = new WatchQueue(limit);
  const wanted = feed.logs().filter(({ owner }) => runIds.length === 0 || runIds.includes(owner.runId));
  // Both in one go: nothing comes between the ends of the records and the first live entry.
  const records = span === "NEW" ? [] : wanted.map((log) => ({ log, to: log.end }));
  const states = feed.states().filter(filter);
  const close = () => {
    live?.unsubscribe();
    queue.close();
  };
  const live =
    span === "PAST"
      ? undefined
      : feed.live.subscribe({ next: (entries) => queue.push(entries.filter(filter)), complete: () => queue.close() });
  if (!live) queue.close();
  async function* batches(): AsyncGenerator<MetricBatch, void> {
    for (const { log, to } of records) {
      const wanted = (entry: Entry) => isMetric(entry) && filter(entry);
      for await (const { batch } of log.batchesInTurns(to, wanted)) yield batch;
    }
    if (span !== "NEW") for (const state of states) yield batchOf([state]);
    yield* queue.batches();
  }
  return { batches: batches(), close };
}
