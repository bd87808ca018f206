/** The runs of a grid under one command: they are told, stopped by signals, and passed on as they end. */
import { fileURLToPath } from "node:url";
import { concatMap, lastValueFrom, toArray } from "rxjs";
import type { Cell } from "../run/sweep/axes.ts";
import { awaitSilence, failWithoutLock } from "../run/lock.ts";
import { openLocked } from "../run/workdir.ts";
import { summaryOf } from "../run/sweep/results.ts";
import { runCells, type CellResult, type RunCellsOptions } from "../run/sweep/run-cells.ts";
import type { Environment } from "./environment.ts";
import { isBuilt } from "../base/built.ts";
import { listenForSignals } from "./signals.ts";

/** Words that start this program: node with its options, and the file of `npm run pipeline`. */
export const ownProgram = (): readonly string[] => [
  process.execPath,
  ...process.execArgv,
  fileURLToPath(new URL(`./main${isBuilt ? ".js" : ".ts"}`, import.meta.url)),
];

/** Text for a cell whose runs have ended. */
function outcome(result: CellResult): string {
  const { bpd, error, stoppedBy } = summaryOf(result);
  if (result.exitCode !== 0) return error ?? (stoppedBy ? `stopped by ${stoppedBy}` : `exit code ${result.exitCode}`);
  return bpd === undefined ? "done" : `done, ${bpd.toFixed(4)} bits/dim`;
}

export interface GridOptions extends Pick<RunCellsOptions, "folder" | "jobs" | "argvOf" | "program" | "code"> {
  /** Called after each cell with the results so far, in the order of the cells. */
  readonly onResults: (results: readonly CellResult[]) => Promise<void>;
  /** Work after all cells, unless a signal has come. */
  readonly last?: (results: readonly CellResult[], signal: AbortSignal) => Promise<void>;
}

export interface GridEnd {
  /** 0 when all cells have ended well, 1 when one failed, 129, 130 or 143 after a signal. */
  readonly exitCode: number;
  readonly results: readonly CellResult[];
}

/**
 * Runs the cells until all have ended or a signal has stopped them.
 *
 * @throws UsageError when another command runs the grid of this folder.
 */
export async function runGrid(
  cells: readonly Cell[],
  { onResults, last, ...options }: GridOptions,
  { stderr, signals: source, now, exit }: Environment,
): Promise<GridEnd> {
  const controller = new AbortController();
  const { signal } = controller;
  const say = (text: string) => void stderr.write(`${text}\n`);
  const note = (text: string) => say(`note: ${text}`);
  await awaitSilence(options.folder, note);
  const unlock = openLocked(options.folder, note, { folder: "folder", option: "--workdir" }, failWithoutLock);
  const signals = listenForSignals({
    ...{ source, now },
    onStop(name) {
      say(`${name}: stopping: the runs save ... (again to quit at once)`);
      controller.abort();
    },
    onQuit(exitCode) {
      unlock();
      exit(exitCode);
    },
  });
  const inOrder = (results: readonly CellResult[]) =>
    cells.flatMap((cell) => results.find((result) => result.cell.name === cell.name) ?? []);
  const ended: CellResult[] = [];
  say(`${cells.length} cells, ${options.jobs} at a time, in ${options.folder}`);
  try {
    await lastValueFrom(
      runCells(cells, {
        ...{ ...options, signal },
        tell: (cell, line) => line && say(`[${cell.name}] ${line}`),
      }).pipe(
        concatMap(async (result) => {
          ended.push(result);
          say(`[${result.cell.name}] ${outcome(result)} (${ended.length} of ${cells.length})`);
          await onResults(inOrder(ended));
        }),
        toArray(),
      ),
    );
    if (!signal.aborted) await last?.(inOrder(ended), signal);
  } finally {
    signals.dispose();
    unlock();
  }
  const failed = ended.some(({ exitCode }) => exitCode !== 0);
  return { exitCode: signals.stopped?.exitCode ?? (failed ? 1 : 0), results: inOrder(ended) };
}
