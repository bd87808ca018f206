/** The state of the page: the store, and the user's choices. */
import type { ConnectionState } from "./connection.ts";
import type { ChartView } from "./chart.ts";
import { PageStore, type NodeRecord } from "./store.ts";

/** Colours there are. */
const COLOURS = 8;

export class Model {
  readonly store = new PageStore();
  connection: ConnectionState = "connecting";
  /** ms that the server's clock is ahead. */
  ahead = 0;
  view: ChartView = { log: false, smoothing: 0, zoom: undefined, range: [0, 0] };
  /** Configurations by run, once they have come; undefined for a run whose files are on another machine. */
  readonly configs = new Map<string, unknown>();
  /** Runs that are left out of the charts. */
  readonly hidden = new Set<string>();
  #chosen: NodeRecord | undefined;

  get runs(): string[] {
    return [...this.store.runs.keys()];
  }

  /** The node whose details are shown: the chosen one, else the one that was heard of last. */
  get node(): NodeRecord | undefined {
    if (this.#chosen) return this.#chosen;
    const all = this.runs.flatMap((run) => this.store.nodes(run));
    return all.reduce<NodeRecord | undefined>((a, b) => (a && a.time >= b.time ? a : b), undefined);
  }

  /** Its run. */
  get focus(): string | undefined {
    return this.node?.run;
  }

  choose(node: NodeRecord): void {
    this.#chosen = node;
    this.hidden.delete(node.run);
  }

  /** Nodes whose curves are drawn. */
  shown(): NodeRecord[] {
    return this.runs.filter((run) => !this.hidden.has(run)).flatMap((run) => this.store.nodes(run));
  }

  /** One for each node, in the order of their coming. */
  colour(node: NodeRecord): string {
    return `--run-${this.store.order(node) % COLOURS}`;
  }

  /** ms since 1970 by the server's clock. */
  now(): number {
    return Date.now() + this.ahead;
  }
}
