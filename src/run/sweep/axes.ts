/** The grid of a sweep: fields and the values that each takes. */
import { UsageError } from "../../base/errors.ts";
import type { Assignment } from "../resolve-config.ts";

/** One field of the configuration and its values, as text. */
export interface Axis {
  readonly field: string;
  readonly values: readonly string[];
}

/** One run of a sweep. */
export interface Cell {
  /** Folder of its run within the sweep's: `sde=vp,seed=1`. */
  readonly name: string;
  /** Its value on each axis, as text. */
  readonly values: Readonly<Record<string, string>>;
}

const EXAMPLES = 'for example --sweep "sde=vp,subvp" --sweep "seed=1..3"';
const RANGE = /^(-?\d+)\.\.(-?\d+)$/;
/** Cells of a sweep at most: more is a slip of the pen. */
const MOST = 10_000;

function range(text: string, argument: string): string[] {
  const [, first, last] = RANGE.exec(text)!;
  const length = Number(last) - Number(first) + 1;
  if (length < 1) throw new UsageError(`--sweep ${argument}: the range ${text} is empty`, EXAMPLES);
  if (length > MOST) throw new UsageError(`--sweep ${argument}: ${length} values are too many`, `at most ${MOST}`);
  return Array.from({ length }, (_, i) => String(Number(first) + i));
}

/** Splits at commas outside of brackets. */
const listed = (text: string) => text.split(/,(?![^[]*\])/).map((value) => value.trim());

/**
 * Reads one axis: `sde=vp,subvp`, `seed=1..3`, `model.chMult=[1,2],[1,1,2]`.
 *
 * @throws UsageError for an empty range, an empty value, or one that is given twice.
 */
export function parseAxis(argument: string): Axis {
  const at = argument.indexOf("=");
  if (at < 1) throw new UsageError(`--sweep ${argument}: no "field=values"`, EXAMPLES);
  const field = argument.slice(0, at).trim();
  const values = listed(argument.slice(at + 1)).flatMap((text) =>
    RANGE.test(text) ? range(text, argument) : [text.replace(/^\[(.*)\]$/, "$1")],
  );
  if (values.includes("")) throw new UsageError(`--sweep ${argument}: a value is empty`, EXAMPLES);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new UsageError(`--sweep ${argument}: ${twice} appears twice`, "name it once");
  return { field, values };
}

/** Makes a text fit for a folder's name. */
const fileName = (text: string) => text.replace(/[^\w.=,+-]/g, "_");

/**
 * All combinations, the last axis fastest.
 *
 * @throws UsageError when two axes have one field, two cells one name, or there are more than 10,000.
 */
export function cellsOf(axes: readonly Axis[]): Cell[] {
  const fields = axes.map(({ field }) => field);
  const twice = fields.find((field, i) => fields.indexOf(field) !== i);
  if (twice !== undefined) throw new UsageError(`--sweep ${twice}: two axes have this field`, "put its values in one");
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > MOST) throw new UsageError(`--sweep: ${count} runs are too many`, `at most ${MOST}`);
  const combinations = axes.reduce<Record<string, string>[]>(
    (cells, { field, values }) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [field]: value }))),
    [{}],
  );
  const cells = combinations.map((values) => ({ name: nameOf(values), values }));
  const names = cells.map(({ name }) => name);
  const same = names.find((name, i) => names.indexOf(name) !== i);
  if (same !== undefined) {
    throw new UsageError(`--sweep: two runs would have the folder ${same}`, "sweep over values with other names");
  }
  return cells;
}

const nameOf = (values: Readonly<Record<string, string>>) =>
  fileName(
    Object.entries(values)
      .map(([field, value]) => `${field.split(".").at(-1)}=${value}`)
      .join(","),
  );

/** The settings of a cell, as `--set` takes them. */
export const assignmentsOf = ({ values }: Pick<Cell, "values">): Assignment[] =>
  Object.entries(values).map(([name, text]) => ({ name, text }));
