import { Bell } from "../base/bell.ts";
import { BATCH_SIZE, batchOf, follows, type Entry, type MetricBatch } from "../metrics/metric.ts";

/**
 * Holds the metrics that wait for one watcher: at most `limit` entries, the newest.
 *
 * One side pushes and never waits; the other takes batches as fast as its reader allows. The next batch reports how
 * many were dropped.
 */
export class WatchQueue {
  readonly #limit: number;
  #entries: Entry[] = [];
  #dropped = 0;
  #closed = false;
  readonly #bell = new Bell();

  /** @throws RangeError when `limit` is not a positive integer. */
  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`WatchQueue: limit must be a positive integer, got ${limit}`);
    }
    this.#limit = limit;
  }

  /** Entries that wait. */
  get length(): number {
    return this.#entries.length;
  }

  push(entries: readonly Entry[]): void {
    if (this.#closed) return;
    this.#entries.push(...entries.slice(-this.#limit));
    this.#dropped += Math.max(0, entries.length - this.#limit);
    const over = this.#entries.length - this.#limit;
    // Cut in pieces: taking one entry at a time off a long array is slow.
    if (over > 0) this.#dropped += this.#entries.splice(0, over).length;
    this.#bell.ring();
  }

  /** Ends the queue; waiting entries are still delivered. */
  close(): void {
    this.#closed = true;
    this.#bell.ring();
  }

  /** Batches until the queue is closed and empty. To be run through once. */
  async *batches(): AsyncGenerator<MetricBatch, void> {
    for (;;) {
      if (this.#entries.length > 0) yield this.#take();
      else if (this.#closed) return;
      else await this.#bell.next();
    }
  }

  #take(): MetricBatch {
    const entries = this.#entries;
    let length = 1;
    while (length < Math.min(entries.length, BATCH_SIZE) && follows(entries[length - 1]!, entries[length]!, true))
      length++;
    const batch = batchOf(entries.splice(0, length), this.#dropped);
    this.#dropped = 0;
    return batch;
  }
}
