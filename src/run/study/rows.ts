/** The rows of a study's table: what the runs of all seeds came to, for each training and evaluation. */
import { average, standardError } from "../../metrics/statistics.ts";
import type { Summary } from "../pipeline.ts";
import type { Mean } from "../sweep/results.ts";
import { STOPPED, type CellResult } from "../sweep/run-cells.ts";
import { cellRuns, SEED, type CellPlan } from "./grid.ts";

/** Numbers that a row has. */
export const studyMeasures = ["bpd", "bound", "fid"] as const;
export type StudyMeasure = (typeof studyMeasures)[number];

/** A training, evaluated in one way. */
export interface StudyRow {
  /** Its value on each axis but the seed. */
  readonly values: Readonly<Record<string, string>>;
  /** The summary of its result by seed, where the run has ended well. */
  readonly summaries: ReadonlyMap<string, Partial<Summary>>;
}

/** A point of a training. */
export interface LookPoint {
  readonly steps: number;
  readonly seed: string;
  readonly bpd?: number | undefined;
  readonly bound?: number | undefined;
}

/** The training of several rows, as it went. */
export interface StudyCurve {
  readonly values: Readonly<Record<string, string>>;
  readonly points: readonly LookPoint[];
}

/** Summaries of the runs that ended well: all but one that failed or was stopped; a stop may also come between two runs. */
function ended({ exitCode, runs }: CellResult): CellResult["runs"] {
  const last = runs.at(-1);
  const whole = exitCode === 0 || (exitCode === STOPPED && last?.stoppedBy === undefined && last?.error === undefined);
  return whole ? runs : runs.slice(0, -1);
}

const withoutSeed = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).filter(([axis]) => axis !== SEED));

type Group = { readonly values: Readonly<Record<string, string>>; readonly results: CellResult[] };

/** Results that differ in the seed only, in the order in which their settings first come. */
function grouped(results: readonly CellResult[]): Group[] {
  const groups = new Map<string, Group>();
  for (const result of results) {
    const values = withoutSeed(result.cell.values);
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { values, results: [] };
    group.results.push(result);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The rows of the results so far. */
export function studyRows(plan: CellPlan, results: readonly CellResult[]): StudyRow[] {
  const { axis } = plan.study.evaluated;
  const { evaluations } = cellRuns(plan);
  return grouped(results).flatMap(({ values, results: ofSeeds }) =>
    [...evaluations].map(([name, { result: at }]) => ({
      values: { ...values, [axis]: name },
      summaries: new Map(
        ofSeeds.flatMap((result) => {
          const summary = ended(result)[at];
          return summary ? [[result.cell.values[SEED]!, summary] as const] : [];
        }),
      ),
    })),
  );
}

/** Bits/dim and bound along the trainings, by their own evaluations. */
export function studyCurves(plan: CellPlan, results: readonly CellResult[]): StudyCurve[] {
  const { looks } = cellRuns(plan);
  return grouped(results).map(({ values, results: ofSeeds }) => ({
    values,
    points: ofSeeds.flatMap((result) =>
      looks.flatMap((steps, i) => {
        const summary = ended(result)[i];
        return summary ? [{ steps, seed: result.cell.values[SEED]!, bpd: summary.bpd, bound: summary.bound }] : [];
      }),
    ),
  }));
}

const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? [value] : []);

/** Mean over seeds with its standard error; undefined without any value. */
export function meanOver(values: readonly (number | undefined)[]): Mean | undefined {
  const found = values.flatMap(finite);
  if (found.length === 0) return undefined;
  return { mean: average(found), standardError: standardError(found), runs: found.length };
}

/** Mean of a row's measure over its seeds. */
export const rowMean = ({ summaries }: StudyRow, measure: StudyMeasure): Mean | undefined =>
  meanOver([...summaries.values()].map((summary) => summary[measure]));
