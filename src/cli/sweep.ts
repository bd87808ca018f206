/** `--sweep`: a grid of runs of one pipeline, and the table of what they come to. */
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { assignmentsOf, cellsOf, type Axis, type Cell } from "../run/sweep/axes.ts";
import { writeSweepTables } from "../run/sweep/tables.ts";
import type { Environment } from "./environment.ts";
import { ownProgram, runGrid, type GridEnd } from "./run-grid.ts";
import { choosePreset, configure, type NamedOptions } from "./run.ts";

const sets = (assignments: NamedOptions["assignments"]) =>
  assignments.flatMap(({ name, text }) => ["--set", `${name}=${text}`]);

/** Refuses what no run could do, before any has begun. */
async function check(options: NamedOptions, cells: readonly Cell[], { registry }: Environment) {
  const pipeline = await registry.load(options.given ?? options.name);
  const [preset] = choosePreset(pipeline, options, undefined);
  for (const cell of cells) {
    const assignments = [...options.assignments, ...assignmentsOf(cell)];
    configure(pipeline, { ...options, assignments }, preset, undefined);
  }
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
  await check(options, cells, environment);
  const title = `${name}: ${options.sweep.map(({ field }) => field).join(", ")}`;
  const argv = [given, "--mode", mode, ...(preset ? ["--preset", preset] : []), ...sets(assignments)];
  let page = "";
  const end = await runGrid(
    cells,
    {
      ...{ folder, jobs, program },
      argvOf: (cell) => [[...argv, ...sets(assignmentsOf(cell))]],
      onResults: async (results) => void (page = await writeSweepTables(folder, title, results)),
    },
    environment,
  );
  return { ...end, page };
}
