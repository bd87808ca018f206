/** Metrics as one watcher of the page gets them: how far the runs are, the past, then what comes. */
import { setImmediate } from "node:timers/promises";
import { Turns } from "../../base/turns.ts";
import type { Feed } from "../feed.ts";
import { BATCH_SIZE, batchOf, entriesOf, isMetric, type Metric, type MetricBatch, type MetricEntry } from "../../metrics/metric.ts"; // prettier-ignore
import type { RunState } from "../../metrics/run-state.ts";
import { watch } from "../watch.ts";
import { Thinner } from "./thin.ts";

/** Metrics of one node of one run, in order. */
export interface Frame {
  readonly run: string;
  readonly node: string;
  /** Places of the first and the last metric; between them places may be missing. */
  readonly first: number;
  readonly last: number;
  /** Metrics that this watcher lost before these, because it read too slowly. */
  readonly dropped: number;
  readonly metrics: readonly Metric[];
  /** How far the run is; such a frame has no metrics. */
  readonly state?: RunState;
}

export interface FramesRequest {
  /** Empty: all. */
  readonly runs: readonly string[];
  /** First place wanted of a node of a run, from 1. */
  readonly from: (run: string, node: string) => number;
  /** Points at most of each metric's past; absent: all. */
  readonly points?: number | undefined;
}

export interface Frames extends AsyncIterable<Frame> {
  close(): void;
}

const frameOf = (entries: readonly MetricEntry[], dropped: number): Frame => ({
  run: entries[0]!.runId,
  node: entries[0]!.node,
  first: entries[0]!.sequence,
  last: entries.at(-1)!.sequence,
  dropped,
  metrics: entries.map(({ metric }) => metric),
});

const stateFrame = ({ runId: run, node, sequence, dropped, state }: MetricBatch): Frame => {
  return { run, node, first: sequence, last: sequence, dropped, metrics: [], ...(state && { state }) };
};

const liveFrame = (batch: MetricBatch): Frame =>
  batch.state ? stateFrame(batch) : frameOf(entriesOf(batch).filter(isMetric), batch.dropped);

/** Whole records that are read, one at a time. */
const turns = new Turns();

/** Neighbours of one node together, at most {@link BATCH_SIZE}. */
function* grouped(entries: readonly MetricEntry[]): Generator<Frame, void> {
  for (let start = 0, end = 1; start < entries.length; start = end++) {
    const { runId, node } = entries[start]!;
    while (end - start < BATCH_SIZE && entries[end]?.runId === runId && entries[end]?.node === node) end++;
    yield frameOf(entries.slice(start, end), 0);
  }
}

/**
 * Begins to watch. What comes waits in a queue of `limit` metrics, the newest, while the past is read; the past is read
 * as fast as it is taken.
 *
 * @throws RangeError for `points` below 2.
 */
export function frames(feed: Feed, { runs, from, points }: FramesRequest, limit?: number): Frames {
  const thinner = points === undefined ? undefined : new Thinner(points);
  const request = { runIds: runs, nodes: [], names: [], fromStep: 0 };
  // Before their metrics, since a run looks as if it were silent until its state is known; so they take no place.
  const states = feed
    .states()
    .filter(({ runId }) => runs.length === 0 || runs.includes(runId))
    .map((entry) => stateFrame(batchOf([{ ...entry, sequence: 0 }])));
  // All in one go: nothing comes between them.
  const past = watch(feed, { ...request, span: "PAST" });
  const live = watch(feed, { ...request, span: "NEW" }, limit);
  let closed = false;
  const wanted = ({ runId, node, sequence }: MetricEntry) => sequence === 0 || sequence >= from(runId, node);

  /** The past, in pieces between which others get the thread. */
  async function* pastFrames(): AsyncGenerator<Frame, void> {
    let count = 0;
    for await (const batch of past.batches) {
      if (++count % 16 === 0) await setImmediate();
      if (closed) return;
      const entries = entriesOf(batch).filter(isMetric).filter(wanted);
      if (thinner) for (const entry of entries) thinner.add(entry);
      else if (entries.length > 0) yield frameOf(entries, 0);
    }
  }

  async function* all(): AsyncGenerator<Frame, void> {
    yield* states;
    // What is thinned is read whatever the reader does, so many of them would keep the thread to themselves.
    if (thinner) await turns.run(async () => void (await pastFrames().next()));
    else yield* pastFrames();
    if (closed) return;
    if (thinner) yield* grouped(thinner.entries());
    for await (const batch of live.batches) yield liveFrame(batch);
  }
  return {
    [Symbol.asyncIterator]: all,
    close() {
      closed = true;
      past.close();
      live.close();
    },
  };
}
