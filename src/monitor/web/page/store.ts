/** Everything that has come of all runs. */
import type { RunState } from "../../../metrics/run-state.ts";
import type { Frame } from "../frames.ts";
import { Series, type SeriesData } from "./series.ts";

export interface NodeRecord {
  readonly run: string;
  readonly node: string;
  /** Metrics by name, in the order of their first coming. */
  readonly series: Map<string, Series>;
  /** Place of the last metric; 0 before the first, or where they have none. */
  last: number;
  /** Step of the last metric. */
  step: number;
  /** Times of the last two log steps, ms since 1970. */
  time: number;
  before: number;
  /** Metrics that this page lost. */
  dropped: number;
  /** How far it is; undefined for a run of an older version. */
  state: RunState | undefined;
  /** When that was heard, ms since 1970 by the server's clock. */
  heard: number;
}

/** The part of a node that is posted from one thread to another. */
export interface NodeData extends Omit<NodeRecord, "series"> {
  readonly series: ReadonlyMap<string, SeriesData>;
}

/** The first state may be old, by what it says; another one comes as it is told. */
function setState(record: NodeRecord, state: RunState, now: number): void {
  const known = record.state?.time;
  if (known === state.time && state.phase === record.state?.phase) return;
  if (state.phase !== "lost") record.heard = known === undefined ? Math.min(now, Date.parse(state.time)) : now;
  record.state = state;
}

export class PageStore {
  /** Records by run, then by node. */
  readonly runs = new Map<string, Map<string, NodeRecord>>();
  /** Nodes in the order of their arrival. */
  readonly #nodes: NodeRecord[] = [];

  /** Takes a frame; what has come before is left out. @param now ms since 1970 by the server's clock. */
  add({ run, node, first, last, dropped, metrics, state }: Frame, now = Date.now()): void {
    const record = this.#record(run, node);
    if (state) setState(record, state, now);
    if (first > 0 && last <= record.last) return;
    record.last = Math.max(record.last, last);
    record.dropped += dropped;
    for (const { name, step, value, unit, time } of metrics) {
      let series = record.series.get(name);
      if (!series) record.series.set(name, (series = new Series(unit)));
      // JSON has no NaN.
      const ms = Date.parse(time);
      series.add(step, (value as number | null) ?? NaN, ms);
      if (step !== record.step) record.before = record.time;
      if (ms > record.time) record.time = ms;
      record.step = step;
    }
  }

  /** All nodes, in the order of their arrival. */
  records(): readonly NodeRecord[] {
    return this.#nodes;
  }

  /** Takes over what another store has of a node, in place of what is here. */
  take({ series, ...data }: NodeData): void {
    const copies = [...series].map(([name, each]) => [name, Series.of(each)] as const);
    Object.assign(this.#record(data.run, data.node), data, { series: new Map(copies) });
  }

  /** Forgets runs. */
  drop(runs: readonly string[]): void {
    for (const run of runs) this.runs.delete(run);
    const left = this.#nodes.filter(({ run }) => !runs.includes(run));
    this.#nodes.splice(0, this.#nodes.length, ...left);
  }

  /** All nodes of a run. */
  nodes(run: string): NodeRecord[] {
    return [...(this.runs.get(run)?.values() ?? [])];
  }

  /** The how-manieth node that came, from 0. */
  order(node: NodeRecord): number {
    return this.#nodes.indexOf(node);
  }

  /** Places at which to go on after an interruption, of the longest records first: values of the query's `from`. */
  places(): string[] {
    return this.#nodes
      .filter(({ last }) => last > 0)
      .sort((a, b) => b.last - a.last)
      .map(({ run, node, last }) => `${last + 1},${encodeURIComponent(run)},${encodeURIComponent(node)}`);
  }

  #record(run: string, node: string): NodeRecord {
    let nodes = this.runs.get(run);
    if (!nodes) this.runs.set(run, (nodes = new Map<string, NodeRecord>()));
    let record = nodes.get(node);
    if (!record) {
      record = {
        run,
        node,
        series: new Map(),
        last: 0,
        step: 0,
        time: 0,
        before: 0,
        dropped: 0,
        state: undefined,
        heard: 0,
      };
      nodes.set(node, record);
      this.#nodes.push(record);
    }
    return record;
  }
}
