/** `--sweep`: a grid of runs of one pipeline, and the table of what they come to. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { concatMap, lastValueFrom, toArray } from "rxjs";
import { UsageError } from "../base/errors.ts";
import { assignmentsOf, cellsOf, type Axis, type Cell } from "../run/sweep/axes.ts";
import { summaryOf } from "../run/sweep/results.ts";
import { runCells, type CellResult } from "../run/sweep/run-cells.ts";
import { writeSweepTables } from "../run/sweep/tables.ts";
import type { Environment } from "./environment.ts";
import { listenForSignals } from "./signals.ts";
import { choosePreset, configure, type NamedOptions } from "./run.ts";

/** Words that start this program: node with its options, and the file of `npm run pipeline`. */
const ownProgram = () => [
  process.execPath,
  ...process.execArgv,
  fileURLToPath(new URL(`./main${import.meta.url.endsWith(".js") ? ".js" : ".ts"}`, import.meta.url)),
];

const sets = (assignments: NamedOptions["assignments"]) =>
  assignments.flatMap(({ name, text }) => ["--set", `${name}=${text}`]);

/** Text of the table for a run that has ended. */
function outcome(result: CellResult): string {
  const { bpd, error, stoppedBy } = summaryOf(result);
  if (result.exitCode !== 0) return error ?? (stoppedBy ? `stopped by ${stoppedBy}` : `exit code ${result.exitCode}`);
  return bpd === undefined ? "done" : `done, ${bpd.toFixed(4)} bits/dim`;
}

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
 * @returns The exit code: 0 when all runs have ended well, 1 when one failed, 129, 130 or 143 after a signal.
 * @throws UsageError before anything has run, where a cell's settings are not allowed.
 */
export async function sweep(
  options: NamedOptions & { readonly sweep: readonly Axis[]; readonly jobs: number },
  environment: Environment,
  program: readonly string[] = ownProgram(),
): Promise<{ readonly exitCode: number; readonly results: readonly CellResult[]; readonly page: string }> {
  const {
    name,
    given = name,
    mode,
    preset,
    workdir: folder = join("runs", `${name}-sweep`),
    jobs,
    assignments,
  } = options;
  const cells = cellsOf(options.sweep);
  const twice = assignments.find((one) => options.sweep.some(({ field }) => field === one.name));
  if (twice) throw new UsageError(`${twice.name} is swept over and set to ${twice.text}`, "leave one of the two out");
  await check(options, cells, environment);
  const { stderr, signals: source, now, exit } = environment;
  const stop = new AbortController();
  const say = (text: string) => void stderr.write(`${text}\n`);
  const signals = listenForSignals({
    ...{ source, now },
    onStop(signal) {
      say(`${signal}: stopping: the runs save ... (again to quit at once)`);
      stop.abort();
    },
    onQuit: exit,
  });
  const title = `${name}: ${options.sweep.map(({ field }) => field).join(", ")}`;
  const inOrder = (results: readonly CellResult[]) =>
    cells.flatMap((cell) => results.find((result) => result.cell === cell) ?? []);
  const argv = [given, "--mode", mode, ...(preset ? ["--preset", preset] : []), ...sets(assignments)];
  say(`${cells.length} runs, ${jobs} at a time, in ${folder}`);
  let page = "";
  const ended: CellResult[] = [];
  try {
    await lastValueFrom(
      runCells(cells, {
        ...{ folder, jobs, program, signal: stop.signal },
        argvOf: (cell) => [[...argv, ...sets(assignmentsOf(cell))]],
        tell: (cell, line) => line && say(`[${cell.name}] ${line}`),
      }).pipe(
        concatMap(async (result) => {
          ended.push(result);
          say(`[${result.cell.name}] ${outcome(result)} (${ended.length} of ${cells.length})`);
          page = await writeSweepTables(folder, title, inOrder(ended));
        }),
        toArray(),
      ),
    );
  } finally {
    signals.dispose();
  }
  const failed = ended.some(({ exitCode }) => exitCode !== 0);
  return { exitCode: signals.stopped?.exitCode ?? (failed ? 1 : 0), results: inOrder(ended), page };
}
