/** Means over the seeds of a sweep, and differences between its settings. */
import { average, standardError } from "../../metrics/statistics.ts";
import type { Summary } from "../pipeline.ts";
import type { CellResult } from "./run-cells.ts";

/** Numbers of a summary that a table shows. */
export const MEASURES = ["bpd", "bound", "evalLoss", "loss", "fid"] as const;
/** One of {@link MEASURES}. */
export type SweepMeasure = (typeof MEASURES)[number];

/** A mean over runs. */
export interface Mean {
  readonly mean: number;
  /** Standard error of the mean; NaN for one run. */
  readonly standardError: number;
  readonly runs: number;
}

/** Settings of a sweep without the seed, and what their runs came to. */
export interface SweepRow {
  readonly values: Readonly<Record<string, string>>;
  readonly results: readonly CellResult[];
  readonly measures: { readonly [M in SweepMeasure]?: Mean };
  /** Minus the first row, over the seeds that both have: its noise is shared. */
  readonly differences: { readonly [M in SweepMeasure]?: Mean };
}

const SEED = "seed";

const without = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).filter(([field]) => field !== SEED));

/** Merges the summaries of all runs of a cell; a later one replaces values of an earlier one. */
export const summaryOf = ({ runs }: Pick<CellResult, "runs">): Partial<Summary> =>
  runs.reduce((all, summary) => ({ ...all, ...summary }), {});

const finite = (result: CellResult, measure: SweepMeasure) => {
  const value = summaryOf(result)[measure];
  return value !== undefined && Number.isFinite(value) ? value : undefined;
};

const meanOf = (values: readonly number[]): Mean | undefined =>
  values.length ? { mean: average(values), standardError: standardError(values), runs: values.length } : undefined;

type Means = { readonly [M in SweepMeasure]?: Mean };

const measured = (valuesOf: (measure: SweepMeasure) => readonly number[]): Means =>
  Object.fromEntries(MEASURES.map((measure) => [measure, meanOf(valuesOf(measure))]).filter(([, mean]) => mean));

/**
 * Differences `a - b` of a measure over the runs of both that have one seed.
 *
 * @returns One value a seed.
 */
export function pairedDifferences(
  a: readonly CellResult[],
  b: readonly CellResult[],
  measure: SweepMeasure,
): readonly number[] {
  return a.flatMap((result) => {
    const other = b.find(({ cell }) => cell.values[SEED] === result.cell.values[SEED]);
    const [mine, theirs] = [finite(result, measure), other && finite(other, measure)];
    return mine === undefined || theirs === undefined ? [] : [mine - theirs];
  });
}

/** Rows in the order of the cells; runs that failed are in no mean. */
export function rowsOf(results: readonly CellResult[]): SweepRow[] {
  const groups = new Map<string, CellResult[]>();
  for (const result of results) {
    const key = JSON.stringify(without(result.cell.values));
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const done = [...groups.values()].map((group) => group.filter(({ exitCode }) => exitCode === 0));
  return [...groups.values()].map((group, i) => ({
    values: without(group[0]!.cell.values),
    results: group,
    measures: measured((measure) => done[i]!.flatMap((result) => finite(result, measure) ?? [])),
    differences: i === 0 ? {} : measured((measure) => pairedDifferences(done[i]!, done[0]!, measure)),
  }));
}
