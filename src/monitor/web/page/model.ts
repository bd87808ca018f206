/** The state of the page: the store, and the user's choices. */
import { isOver } from "../../../metrics/run-state.ts";
import type { ConnectionState } from "./connection.ts";
import { VIEW, type ChartView } from "./chart-view.ts";
import { curveLook, type CurveLook } from "./looks.ts";
import type { Remark } from "./remarks.ts";
import type { TableView } from "./run-rows.ts";
import { PageStore, type NodeRecord } from "./store.ts";

/** A name for a node of a run, unlike any other's. */
export const nodeKey = ({ run, node }: Pick<NodeRecord, "run" | "node">): string => JSON.stringify([run, node]);

/** When a node was heard of: its state comes before its metrics. */
const heardOf = ({ time, heard }: NodeRecord) => Math.max(time, heard);

/** The one that was heard of last, or the first of equal ones. */
const newestOf = (records: readonly NodeRecord[]) =>
  records.reduce<NodeRecord | undefined>((a, b) => (a && heardOf(a) >= heardOf(b) ? a : b), undefined);

/** True while a node has told of its state, and not of its end. */
const isGoing = ({ state }: NodeRecord) => state !== undefined && state.phase !== "lost" && !isOver(state);

export class Model {
  readonly store = new PageStore();
  connection: ConnectionState = "connecting";
  /** ms that the server's clock is ahead. */
  ahead = 0;
  view: ChartView = VIEW;
  table: TableView = { search: "", sort: undefined, metric: "train/loss", group: "" };
  /** Configurations by run, once they have come; undefined for a run whose files are on another machine. */
  readonly configs = new Map<string, unknown>();
  /** Keys of nodes that are left out of the charts. */
  readonly hidden = new Set<string>();
  /** Remarks on runs. */
  remarks = new Map<string, Remark>();
  /** Key of the node that a person chose; it may come later. */
  chosen: string | undefined;
  #followed: NodeRecord | undefined;

  get runs(): string[] {
    return [...this.store.runs.keys()];
  }

  /** All nodes, run by run. */
  get nodes(): NodeRecord[] {
    return this.runs.flatMap((run) => this.store.nodes(run));
  }

  /** The node whose details are shown: the chosen one; else one that goes on, until its end; else the newest. */
  get node(): NodeRecord | undefined {
    const chosen = this.chosen === undefined ? undefined : this.nodes.find((node) => nodeKey(node) === this.chosen);
    if (chosen) return chosen;
    if (this.#followed && isGoing(this.#followed)) return this.#followed;
    const all = this.nodes;
    return (this.#followed = newestOf(all.filter(isGoing)) ?? newestOf(all));
  }

  /** Its run. */
  get focus(): string | undefined {
    return this.node?.run;
  }

  /** Forgets runs whose records were removed. */
  drop(runs: readonly string[]): void {
    this.store.drop(runs);
    for (const run of runs) this.configs.delete(run);
    if (this.#followed && runs.includes(this.#followed.run)) this.#followed = undefined;
  }

  choose(node: NodeRecord): void {
    this.chosen = nodeKey(node);
    this.hidden.delete(this.chosen);
  }

  /** Nodes whose curves are drawn. */
  shown(): NodeRecord[] {
    return this.nodes.filter((node) => !this.hidden.has(nodeKey(node)));
  }

  /** Draws these nodes, or leaves them out. */
  setShown(nodes: readonly NodeRecord[], shown: boolean): void {
    for (const node of nodes) {
      if (shown) this.hidden.delete(nodeKey(node));
      else this.hidden.add(nodeKey(node));
    }
  }

  isSolo(node: NodeRecord): boolean {
    const shown = this.shown();
    return shown.length === 1 && shown[0] === node && this.store.records().length > 1;
  }

  /** Draws this node only; all, if it is the only one already. */
  solo(node: NodeRecord): void {
    const all = this.store.records();
    const alone = this.isSolo(node);
    this.setShown(all, alone);
    this.setShown([node], true);
  }

  /** One for each node in the order of their coming, but for what a person gave to its run. */
  look(node: NodeRecord): CurveLook {
    const { colour, dash } = curveLook(this.store.order(node));
    const given = this.remarks.get(node.run);
    return { colour: given?.colour ?? colour, dash: given?.dash ?? dash };
  }

  /** ms since 1970 by the server's clock. */
  now(): number {
    return Date.now() + this.ahead;
  }
}
