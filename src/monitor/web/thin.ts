/** Fewer points of long series. */
import type { MetricEntry } from "../../metrics/metric.ts";

interface Series {
  /** Every how many entries one is kept. */
  stride: number;
  seen: number;
  kept: MetricEntry[];
  last: MetricEntry;
}

/**
 * Keeps at most `points` entries of every metric of every node, evenly over its record, and always the first and the
 * last; in memory of that size, however long the record.
 */
export class Thinner {
  readonly #points: number;
  readonly #series = new Map<string, Series>();

  /** @throws RangeError when `points` is not an integer from 2. */
  constructor(points: number) {
    if (!Number.isInteger(points) || points < 2) {
      throw new RangeError(`Thinner: points must be an integer from 2, got ${points}`);
    }
    this.#points = points;
  }

  add(entry: MetricEntry): void {
    const key = JSON.stringify([entry.runId, entry.node, entry.metric.name]);
    let series = this.#series.get(key);
    if (!series) this.#series.set(key, (series = { stride: 1, seen: 0, kept: [], last: entry }));
    series.last = entry;
    if (series.seen++ % series.stride !== 0) return;
    // One place is left for the last.
    if (series.kept.length === this.#points - 1) {
      series.kept = series.kept.filter((_, i) => i % 2 === 0);
      series.stride *= 2;
      if ((series.seen - 1) % series.stride !== 0) return;
    }
    series.kept.push(entry);
  }

  /** The entries that are left, node by node in the order of the record. */
  entries(): MetricEntry[] {
    const nodes = new Map<string, MetricEntry[]>();
    for (const { kept, last } of this.#series.values()) {
      const key = JSON.stringify([last.runId, last.node]);
      const entries = nodes.get(key) ?? [];
      nodes.set(key, entries);
      for (const entry of kept) entries.push(entry);
      if (kept.at(-1) !== last) entries.push(last);
    }
    return [...nodes.values()].flatMap((entries) => entries.sort((a, b) => a.sequence - b.sequence));
  }
}
