/** Selects the metrics that a watcher gets. */
import type { MetricEntry } from "../metrics/metric.ts";

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
}

export type WatchFilter = (entry: MetricEntry) => boolean;

const anyOf = (values: readonly string[], value: string) => values.length === 0 || values.includes(value);

/** True when `name` is `pattern`, or begins with it up to its final "*". */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** The filter that a request asks for. */
export function filterOf({ runIds, nodes, names, fromStep }: WatchRequest): WatchFilter {
  return ({ runId, node, metric }) =>
    metric.step >= fromStep &&
    anyOf(runIds, runId) &&
    anyOf(nodes, node) &&
    (names.length === 0 || names.some((pattern) => matchesName(pattern, metric.name)));
}
