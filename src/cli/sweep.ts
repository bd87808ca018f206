/** `--sweep`: a grid of runs of one pipeline, and the table of what they come to. */
import { join } from "node:path";
import { codeVersion } from "../base/code-version.ts";
import { UsageError } from "../base/errors.ts";
import type { Assignment } from "../run/resolve-config.ts";
import { assignmentsOf, cellsOf, type Axis, type Cell } from "../run/sweep/axes.ts";
import { requireStepsAhead } from "../run/sweep/steps-there.ts";
import { writeSweepTables } from "../run/sweep/tables.ts";
import type { Environment } from "./environment.ts";
import { ownProgram, runGrid, type GridEnd } from "./run-grid.ts";
import { choosePreset, configure, type NamedOptions } from "./run.ts";

const sets = (assignments: NamedOptions["assignments"]) =>
  assignments.flatMap(({ name, text }) => ["--set", `${name}=${text}`]);

const isSteps = ({ name }: Assignment) => name === "training.steps";

/** Refuses what no run could do, before any has begun. @returns The steps of each cell's training. */
async function check(options: NamedOptions, cells: readonly Cell[], { registry }: Environment): Promise<number[]> {
  const pipeline = await registry.load(options.given ?? options.name);
  const [preset] = choosePreset(pipeline, options, undefined);
  return cells.map((cell) => {
    const assignments = [...options.assignments, ...assignmentsOf(cell)];
    return configure(pipeline, { ...options, assignments }, preset, undefined).config.training.steps;
  });
}

/**
 * Runs every combination of the axes in a process and a workdir of its own, and writes the tables after each.
 *
 * @throws UsageError before anything has run, where a cell's settings are not allowed.
 */
export async function sweep(
  options: NamedOptions & { readonly sweep: readonly Axis[] },
  environment: Environment,
  program: readonly string[] = ownProgram(),
): Promise<GridEnd & { readonly page: string }> {
  const { name, given = name, mode, preset, workdir: folder = join("runs", `${name}-sweep`), assignments } = options;
  const { jobs = 1 } = options;
  const cells = cellsOf(options.sweep);
  const twice = assignments.find((one) => options.sweep.some(({ field }) => field === one.name));
  if (twice) throw new UsageError(`${twice.name} is swept over and set to ${twice.text}`, "leave one of the two out");
  const steps = await check(options, cells, environment);
  const title = `${name}: ${options.sweep.map(({ field }) => field).join(", ")}`;
  const argv = [given, "--mode", mode, ...(preset ? ["--preset", preset] : []), ...sets(assignments)];
  const argvOf = (cell: Cell) => [[...argv, ...sets(assignmentsOf(cell))]];
  const trainings = cells.map((cell, i) => ({ cell, argv: argvOf(cell), steps: [steps[i]!] }));
  // Otherwise the preset, and with it the steps, is what each run finds its machine to be for.
  const known = preset !== undefined || [...assignments, ...assignmentsOf(cells[0]!)].some(isSteps);
  if (mode === "train" && known) requireStepsAhead(folder, trainings);
  let page = "";
  const end = await runGrid(
    cells,
    {
      ...{ folder, jobs, program, argvOf, code: codeVersion(environment.registry.fileOf?.(given)) },
      onResults: async (results) => void (page = await writeSweepTables(folder, title, results)),
    },
    environment,
  );
  return { ...end, page };
}
