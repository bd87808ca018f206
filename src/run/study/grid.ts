/** The cells of a study and the command lines of their runs. */
import { UsageError } from "../../base/errors.ts";
import { nearest } from "../nearest.ts";
import type { Assignment } from "../resolve-config.ts";
import { cellsOf, type Axis, type Cell } from "../sweep/axes.ts";
import type { Study, StudyGrid, StudyPreset, StudySettings } from "./study.ts";

export const SEED = "seed";

/** Values of an axis that there are; undefined for the seed, which is any whole number. */
function known(study: Study, axis: string): readonly string[] | undefined {
  if (axis === SEED) return undefined;
  return Object.keys(axis === study.evaluated.axis ? study.evaluated.values : study.axes[axis]!);
}

/** Names of all axes in their order. */
export const axesOf = ({ axes, evaluated }: Study): string[] => [...Object.keys(axes), evaluated.axis, SEED];

/** The words for an axis that a study does not have. */
function unknownAxis(study: Study, field: string): never {
  const names = axesOf(study);
  throw new UsageError(
    `--sweep ${field}: the study has no such axis; nearest: ${nearest(field, names).join(", ") || "none"}`,
    `its axes are ${names.join(", ")}; --set changes a field of all runs`,
  );
}

/**
 * The values of a preset's axes, with those of `--sweep` in their place.
 *
 * @throws UsageError for an axis or a value that the study does not have.
 */
export function gridOf(study: Study, { grid }: StudyPreset, sweep: readonly Axis[]): StudyGrid {
  for (const { field, values } of sweep) {
    if (!axesOf(study).includes(field)) unknownAxis(study, field);
    const allowed = known(study, field);
    const wrong = values.find((value) => (allowed ? !allowed.includes(value) : !/^\d{1,9}$/.test(value)));
    if (wrong === undefined) continue;
    const remedy = allowed ? `use ${allowed.join(", ")}` : "use whole numbers, for example seed=1..3";
    throw new UsageError(`--sweep ${field}=${wrong}: there is no such value`, remedy);
  }
  const fields = sweep.map(({ field }) => field);
  const twice = fields.find((field, i) => fields.indexOf(field) !== i);
  if (twice) throw new UsageError(`--sweep ${twice}: the axis is given twice`, "put its values in one");
  const given = Object.fromEntries(sweep.map(({ field, values }) => [field, values]));
  return Object.fromEntries(axesOf(study).map((axis) => [axis, given[axis] ?? grid[axis]!]));
}

/** One cell for each training, all of a seed before those of the next; its evaluations are in it. */
export function studyCells(study: Study, grid: StudyGrid): Cell[] {
  const axes = [...Object.keys(study.axes), SEED].map((field) => ({ field, values: grid[field]! }));
  const cells = cellsOf(axes);
  return grid[SEED]!.flatMap((seed) => cells.filter(({ values }) => values[SEED] === seed));
}

const assignments = (settings: StudySettings = {}): Assignment[] =>
  Object.entries(settings).map(([name, value]) => ({ name, text: String(value) }));

/** Fields of a cell's training: of all runs, of its value on each axis, its seed. */
export function cellAssignments(study: Study, preset: StudyPreset, { values }: Pick<Cell, "values">): Assignment[] {
  const ofAxes = Object.entries(study.axes).flatMap(([axis, named]) => {
    const value = values[axis]!;
    return [...assignments(named[value]!.settings), ...assignments(preset.valueSettings?.[`${axis}=${value}`])];
  });
  return [...assignments(preset.settings), ...ofAxes, { name: SEED, text: values[SEED]! }];
}

/** Steps of each look; the last one is the training's end. */
export function lookSteps(steps: number, looks: number): number[] {
  const at = Array.from({ length: looks }, (_, i) => Math.max(1, Math.round((steps * (i + 1)) / looks)));
  return at.filter((step, i) => step !== at[i - 1]);
}

const sets = (given: readonly Assignment[]) => given.flatMap(({ name, text }) => ["--set", `${name}=${text}`]);

export interface CellPlan {
  readonly study: Study;
  readonly preset: StudyPreset;
  readonly grid: StudyGrid;
  /** `--set` of the command line, for all runs. */
  readonly given: readonly Assignment[];
  /** Steps of a whole training. */
  readonly steps: number;
}

/** Indices of a cell's runs: the training's looks, then the runs of each evaluation that the grid has. */
export function cellRuns({ study, preset, grid, steps }: Omit<CellPlan, "given">) {
  const looks = lookSteps(steps, preset.looks);
  let at = looks.length;
  const evaluations = new Map<string, { readonly first: number; readonly result: number }>();
  for (const [name, { runs }] of Object.entries(study.evaluated.values)) {
    if (!grid[study.evaluated.axis]!.includes(name)) continue;
    evaluations.set(name, { first: at, result: runs.length ? at + runs.length - 1 : looks.length - 1 });
    at += runs.length;
  }
  return { looks, evaluations };
}

/** The command lines of a cell's runs, as `npm run pipeline` takes them: the training with its looks, then evaluations. */
export function cellArgv(plan: CellPlan, cell: Cell): string[][] {
  const { study, preset, given } = plan;
  const { looks, evaluations } = cellRuns(plan);
  const common = [...cellAssignments(study, preset, cell), ...given.filter(({ name }) => name !== "training.steps")];
  const run = (mode: string, more: readonly Assignment[]) =>
    [study.pipeline, "--mode", mode, "--preset", preset.preset, ...sets(common), ...sets(more)]; // prettier-ignore
  const trained = looks.map((step, i) =>
    run("train", [
      ...(i < looks.length - 1 ? assignments(preset.lookSettings) : []),
      { name: "training.steps", text: String(step) },
    ]),
  );
  const evaluated = [...evaluations.keys()].flatMap((name) =>
    study.evaluated.values[name]!.runs.map(({ mode, settings }) => run(mode, assignments(settings))),
  );
  return [...trained, ...evaluated];
}
