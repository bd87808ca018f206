/** Words for the rows of a study. */
import type { AnchorSettings } from "../../monitor/report/report.ts";
import { withError } from "../../base/format.ts";
import type { Mean } from "../sweep/results.ts";
import type { CellResult } from "../sweep/run-cells.ts";
import { summaryOf } from "../sweep/results.ts";
import type { Study, StudyValue } from "./study.ts";

type Values = Readonly<Record<string, string>>;

const valueOf = ({ axes, evaluated }: Study, axis: string, value: string): Pick<StudyValue, "label" | "published"> =>
  (axis === evaluated.axis ? evaluated.values[value] : axes[axis]?.[value]) ?? { label: value };

/** The name of a value of an axis. */
export const valueLabel = (study: Study, axis: string, value: string): string => valueOf(study, axis, value).label;

/** "VP, deep, LW + IS". */
export const rowLabel = (study: Study, values: Values): string =>
  Object.entries(values)
    .map(([axis, value]) => valueLabel(study, axis, value))
    .join(", ");

/** Settings by which published rows know such a row; undefined where they do not have one of its values. */
export function publishedSettings(study: Study, values: Values): AnchorSettings | undefined {
  const found = Object.entries(values).map(([axis, value]) => valueOf(study, axis, value).published);
  return found.includes(undefined) ? undefined : Object.assign({}, ...found);
}

/** The published number of the same settings, with its source; none where a source leaves a setting open. */
export function publishedOf(study: Study, values: Values) {
  const wanted = Object.entries(publishedSettings(study, values) ?? { none: "" });
  return study.published.find(({ source, bpd, settings }) => {
    const there: Readonly<Record<string, unknown>> = { ...settings };
    return source !== undefined && bpd !== undefined && wanted.every(([key, value]) => there[key] === value);
  });
}

export const meanText = (mean: Mean | undefined): string => (mean ? withError(mean.mean, mean.standardError) : "–");

/** A difference with its sign. */
export const signedText = (mean: Mean | undefined): string =>
  mean && mean.mean > 0 ? `+${meanText(mean)}` : meanText(mean);

/** Cells that failed, each with the reason. */
export const failedCells = (results: readonly CellResult[]) =>
  results.flatMap((result) => {
    const { error, stoppedBy } = summaryOf(result);
    const why = error ?? (stoppedBy ? `stopped by ${stoppedBy}` : `exit code ${result.exitCode}`);
    return result.exitCode === 0 ? [] : [{ name: result.cell.name, why }];
  });
