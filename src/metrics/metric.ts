/** Metrics as they are kept, sent and watched. */
import type { RunState } from "./run-state.ts";

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

/** Characters of a name or a unit; run ids become file names. */
export const NAME_LIMIT = 200;

/** @throws RangeError for a name or a unit that is too long: a monitor would refuse it, and all that follows. */
export function requireShort(name: string, unit = ""): void {
  const long = [name, unit].find(({ length }) => length > NAME_LIMIT);
  if (long === undefined) return;
  throw new RangeError(
    `names and units of metrics have ${NAME_LIMIT} characters at most, not ${long.length}: ${long.slice(0, 40)}...`,
  );
}

/** Where something of a record belongs. */
export interface RecordPlace {
  readonly runId: string;
  /** Name of the machine. */
  readonly node: string;
  /** Place in the record of this run and node, from 1; 0 when its sender does not number. */
  readonly sequence: number;
}

/** A metric and where it belongs. */
export interface MetricEntry extends RecordPlace {
  readonly metric: Metric;
}

/** Progress of a run, and the place where it was recorded. */
export interface StateEntry extends RecordPlace {
  readonly state: RunState;
}

/** An entry of a record. */
export type Entry = MetricEntry | StateEntry;

export const isMetric = (entry: Entry): entry is MetricEntry => "metric" in entry;
export const isState = (entry: Entry): entry is StateEntry => "state" in entry;

/** Metrics of one node of one run, in order. */
export interface MetricBatch {
  readonly runId: string;
  readonly node: string;
  readonly metrics: readonly Metric[];
  /** Place of the first metric. */
  readonly sequence: number;
  /** Place of the last metric, where places are missing between. */
  readonly last?: number | undefined;
  /** Metrics that were lost before this batch; of one that is pushed, places before it that hold none. */
  readonly dropped: number;
  /** Progress of the run; such a batch has no metrics, and `sequence` is its place. */
  readonly state?: RunState | undefined;
}

/** Metrics in one message at most: far below gRPC's limit of 4 MiB. */
export const BATCH_SIZE = 256;

/**
 * True when `next` may stand in a batch after `last`: a state is a batch of its own.
 *
 * @param gaps Places between them may be missing, as they are behind a filter.
 */
export function follows(last: Entry, next: Entry, gaps: boolean): boolean {
  const place = last.sequence === 0 ? 0 : last.sequence + 1;
  const metrics = isMetric(last) && isMetric(next);
  return metrics && last.runId === next.runId && last.node === next.node && (gaps || next.sequence === place);
}

/** Puts entries that belong together into one batch. @throws RangeError when there are none. */
export function batchOf(entries: readonly Entry[], dropped = 0): MetricBatch {
  const [first] = entries;
  if (!first) throw new RangeError("batchOf: a batch needs an entry");
  const { runId, node, sequence } = first;
  const metrics = entries.filter(isMetric).map(({ metric }) => metric);
  const last = entries.at(-1)!.sequence;
  const gaps = sequence > 0 && last !== sequence + entries.length - 1;
  return { runId, node, sequence, dropped, metrics, ...(gaps && { last }), ...(isState(first) && { state: first.state }) }; // prettier-ignore
}

/** Place of the last entry of a batch; 0 where they are not numbered. */
export const lastPlace = ({ sequence, last, metrics }: MetricBatch): number =>
  last ?? (sequence === 0 ? 0 : sequence + Math.max(0, metrics.length - 1));

/** The entries of a batch. */
export function entriesOf({ runId, node, sequence, metrics, state }: MetricBatch): Entry[] {
  const place = (i: number) => ({ runId, node, sequence: sequence === 0 ? 0 : sequence + i });
  const entries: Entry[] = metrics.map((metric, i) => ({ ...place(i), metric }));
  return state ? [...entries, { ...place(metrics.length), state }] : entries;
}
