/** The newest values of all runs that are heard of. */
import { isMetric, type Entry, type Metric, type MetricEntry, type StateEntry } from "../metrics/metric.ts";
import { isOver, type RunState } from "../metrics/run-state.ts";

/** ms after which a run that tells nothing any more is left out. */
export const GONE_AFTER = 5 * 60_000;

export interface NewestNode {
  readonly runId: string;
  readonly node: string;
  /** Undefined for a run of an older version. */
  state: RunState | undefined;
  /** ms since 1970. */
  heard: number;
  /** Largest that were told: a run that goes on from a checkpoint counts some steps again. */
  steps: number;
  images: number;
  readonly metrics: Map<string, Metric>;
}

/** Names of speeds, which are left out while nothing trains. */
const SPEED = /per_second$|per_step$/;
const isTraining = ({ phase }: RunState) => phase === "training" || phase === "snapshot";

/** Current values of a node. */
export const presentMetrics = ({ state, metrics }: NewestNode): Metric[] =>
  [...metrics.values()].filter(({ name }) => !state || isTraining(state) || !SPEED.test(name));

/** Keeps the newest of every metric and state. */
export class Newest {
  readonly #nodes = new Map<string, NewestNode>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes what came now. */
  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#take(entry, this.#now());
  }

  /** Takes what came before, at the times it says. */
  remember(entries: readonly Entry[]): void {
    const timeOf = (entry: Entry) => Date.parse(isMetric(entry) ? entry.metric.time : entry.state.time);
    for (const entry of entries) this.#take(entry, timeOf(entry) || 0);
  }

  /** Those that were heard of within {@link GONE_AFTER}. */
  nodes(): NewestNode[] {
    const limit = this.#now() - GONE_AFTER;
    for (const [key, { heard }] of this.#nodes) if (heard < limit) this.#nodes.delete(key);
    return [...this.#nodes.values()];
  }

  #take(entry: Entry, at: number): void {
    const { runId, node } = entry;
    const key = JSON.stringify([runId, node]);
    let kept = this.#nodes.get(key);
    if (!kept) {
      kept = { runId, node, state: undefined, heard: at, steps: 0, images: 0, metrics: new Map() };
      this.#nodes.set(key, kept);
    }
    if (isMetric(entry)) this.#metric(kept, entry);
    else this.#state(kept, entry);
    // A monitor tells of a loss itself: nothing was heard.
    if (isMetric(entry) || entry.state.phase !== "lost") kept.heard = Math.max(kept.heard, at);
  }

  #metric(kept: NewestNode, { metric }: MetricEntry): void {
    kept.metrics.set(metric.name, metric);
    if (metric.name.startsWith("train/")) kept.steps = Math.max(kept.steps, metric.step);
  }

  #state(kept: NewestNode, { state }: StateEntry): void {
    kept.state = state;
    if (isOver(state)) kept.metrics.delete("process/rss_bytes");
    kept.steps = Math.max(kept.steps, state.step);
    kept.images = Math.max(kept.images, state.images);
  }
}
