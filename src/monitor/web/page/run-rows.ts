/** Rows of the table of runs: their values, which are found, and their order. */
import type { NodeRecord } from "./store.ts";
import type { Series } from "./series.ts";

export interface RunRow {
  readonly record: NodeRecord;
  /** Of the node, for the looks. */
  readonly phase: string;
  /** The same in words. */
  readonly state: string;
  /** ms since it was heard of; undefined where it never was. */
  readonly age: number | undefined;
  /** Of the chosen metric. */
  readonly last: number | undefined;
  readonly best: Best | undefined;
  readonly memory: number | undefined;
  /** JSON by dotted name. */
  readonly settings: ReadonlyMap<string, string>;
  /** More words by which it is found. */
  readonly words: string;
}

export interface Best {
  readonly value: number;
  readonly step: number;
}

export interface Sort {
  /** A column; settings are "setting:" and their name. */
  readonly key: string;
  readonly down: boolean;
}

/** The request: search, order and columns of the table. */
export interface TableView {
  readonly search: string;
  readonly sort: Sort | undefined;
  /** Of the columns last and best. */
  readonly metric: string;
  /** Setting whose values' runs the charts draw as one mean each; "": every run. */
  readonly group: string;
}

/** Metrics of which more is better. */
const MORE_IS_BETTER = /per_second|inception/;

/** The best value of a metric and its step; undefined without a finite value. */
export function bestOf(name: string, { steps, values }: Pick<Series, "steps" | "values">): Best | undefined {
  const sign = MORE_IS_BETTER.test(name) ? -1 : 1;
  let at = -1;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]!) && (at < 0 || sign * values[i]! < sign * values[at]!)) at = i;
  }
  return at < 0 ? undefined : { value: values[at]!, step: steps[at]! };
}

function cell({ record, settings, best, ...row }: RunRow, key: string): string | number | undefined {
  switch (key) {
    case "run":
      return record.run;
    case "node":
      return record.node;
    case "step":
      return record.step;
    case "best":
      return best?.value;
    case "state":
    case "age":
    case "last":
    case "memory":
      return row[key];
    default: {
      const value = settings.get(key.slice("setting:".length));
      const parsed = value === undefined ? undefined : (JSON.parse(value) as unknown);
      return typeof parsed === "number" || typeof parsed === "string" ? parsed : value;
    }
  }
}

const missing = (value: string | number | undefined) => value === undefined || Number.isNaN(value);

function compare(a: string | number | undefined, b: string | number | undefined): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** Rows in the order of a column; those without a value come last either way, equal ones keep their order. */
export function sorted(rows: readonly RunRow[], sort: Sort | undefined): RunRow[] {
  if (!sort) return [...rows];
  return [...rows].sort((one, other) => {
    const [a, b] = [cell(one, sort.key), cell(other, sort.key)];
    if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
    return sort.down ? compare(b, a) : compare(a, b);
  });
}

/** True where every word stands in names, state, tags or a setting that differs ("lr=0.001"), whatever the case. */
export function isFound({ record, state, settings, words }: RunRow, names: readonly string[], search: string): boolean {
  const set = names.map((name) => `${name}=${settings.get(name) ?? ""}`.replaceAll('"', ""));
  const text = [record.run, record.node, state, words, ...set].join("\n").toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word)); // prettier-ignore
}

/** The sorting after a click on a column: ascending, descending, none. */
export function nextSort(sort: Sort | undefined, key: string): Sort | undefined {
  if (sort?.key !== key) return { key, down: false };
  return sort.down ? undefined : { key, down: true };
}
