/** Which metrics a watcher gets. */
import { isMetric, type Entry, type RecordPlace } from "../metrics/metric.ts";

/** A watcher's request; empty lists let everything through. */
export interface WatchRequest {
  readonly runIds: readonly string[];
  readonly nodes: readonly string[];
  /** Names, or beginnings of names followed by "*". */
  readonly names: readonly string[];
  /** Smallest step. */
  readonly fromStep: number;
  /** The past and what comes, only the past, or only what comes. */
  readonly span: "ALL" | "PAST" | "NEW";
  /** Places up to which a watcher has the metrics of a node. */
  readonly after?: readonly RecordPlace[];
}

export type WatchFilter = (entry: Entry) => boolean;

const anyOf = (values: readonly string[], value: string) => values.length === 0 || values.includes(value);

/** True when `name` is `pattern`, or begins with it up to its final "*". */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

const nodeOf = ({ runId, node }: RecordPlace) => JSON.stringify([runId, node]);

/** The filter that a request asks for; states pass whatever the metrics that are wanted. */
export function filterOf({ runIds, nodes, names, fromStep, after = [] }: WatchRequest): WatchFilter {
  const places = new Map(after.map((place) => [nodeOf(place), place.sequence]));
  return (entry) => {
    if (!anyOf(runIds, entry.runId) || !anyOf(nodes, entry.node)) return false;
    if (!isMetric(entry)) return true;
    // Who does not number is heard again.
    if (entry.sequence > 0 && entry.sequence <= (places.get(nodeOf(entry)) ?? 0)) return false;
    const { step, name } = entry.metric;
    return step >= fromStep && (names.length === 0 || names.some((pattern) => matchesName(pattern, name)));
  };
}
