/** Metrics as they are kept, sent and watched. */

export interface Metric {
  /** `train/loss`, `eval/bpd` ... */
  readonly name: string;
  /** Optimizer steps behind the value. */
  readonly step: number;
  readonly value: number;
  /** "1", "s", "bits/dim" ... */
  readonly unit: string;
  /** ISO 8601, UTC. */
  readonly time: string;
}

/** A metric and where it belongs. */
export interface MetricEntry {
  readonly runId: string;
  /** Name of the machine. */
  readonly node: string;
  /** Place in the record of this run and node, from 1; 0 when its sender does not number. */
  readonly sequence: number;
  readonly metric: Metric;
}

/** Metrics of one node of one run, in order. */
export interface MetricBatch {
  readonly runId: string;
  readonly node: string;
  readonly metrics: readonly Metric[];
  /** Place of the first metric. */
  readonly sequence: number;
  /** Metrics that were lost before this batch. */
  readonly dropped: number;
}

/** Metrics in one message at most: far below gRPC's limit of 4 MiB. */
export const BATCH_SIZE = 256;

/**
 * True when `next` may stand in a batch after `last`.
 *
 * @param gaps Places between them may be missing, as they are behind a filter.
 */
export function follows(last: MetricEntry, next: MetricEntry, gaps: boolean): boolean {
  const place = last.sequence === 0 ? 0 : last.sequence + 1;
  return last.runId === next.runId && last.node === next.node && (gaps || next.sequence === place);
}

/** Puts entries that belong together into one batch. @throws RangeError when there are none. */
export function batchOf(entries: readonly MetricEntry[], dropped = 0): MetricBatch {
  const [first] = entries;
  if (!first) throw new RangeError("batchOf: a batch needs an entry");
  const { runId, node, sequence } = first;
  return { runId, node, sequence, dropped, metrics: entries.map(({ metric }) => metric) };
}
