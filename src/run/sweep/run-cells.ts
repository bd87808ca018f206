/** The runs of a sweep as processes of their own, some at once. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import { concatMap, defer, EMPTY, from, map, mergeMap, Observable, of, takeLast, takeWhile } from "rxjs";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import type { Summary } from "../pipeline.ts";
import type { Cell } from "./axes.ts";

/** A cell that has ended, now or in an earlier sweep. */
export interface CellResult {
  readonly cell: Cell;
  /** Exit code of its run. */
  readonly exitCode: number;
  /** Summaries of its runs in order. */
  readonly runs: readonly Partial<Summary>[];
}

/** Options of {@link runCells}. */
export interface RunCellsOptions {
  /** Folder of the sweep; a cell's workdir is a folder in it. */
  readonly folder: string;
  /** Runs at once. */
  readonly jobs: number;
  /** Command lines of a cell's runs in order, as `npm run pipeline` takes them, without workdir and `--json`. */
  readonly argvOf: (cell: Cell) => readonly (readonly string[])[];
  /** The program and its first arguments. */
  readonly program: readonly string[];
  /** Version of the program. A cell tells where its finished runs are of another one. */
  readonly code: string;
  /** Once aborted, each run saves and ends, and no other begins. */
  readonly signal: AbortSignal;
  /** Receives the output of the runs, line by line. */
  readonly tell: (cell: Cell, line: string) => void;
}

/** The record of a cell's runs so far, beside its workdir's own files. */
interface Stored extends Omit<CellResult, "cell"> {
  readonly argv: readonly (readonly string[])[];
  /** Runs that have ended well, from the first on. */
  readonly finished: number;
  /** Versions of the program that computed the runs; absent in records of before. */
  readonly codes?: readonly string[];
}

/** Exit code of a cell that was stopped between two of its runs, as by SIGTERM. */
export const STOPPED = 143;

function readStored(path: string): Stored | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Stored;
  } catch {
    // Computed anew: the run itself goes on from its own files.
    return undefined;
  }
}

/** Path of the record of a cell's runs. */
const storedPath = (workdir: string) => join(workdir, "sweep-cell.json");

/** Summaries of the first runs of `argv`, as far as they ended well before, by the same command lines. */
export function finishedRuns(workdir: string, argv: Stored["argv"]): Stored["runs"] {
  return finishedOf(readStored(storedPath(workdir)), argv);
}

function finishedOf(stored: Stored | undefined, argv: Stored["argv"]): Stored["runs"] {
  const { runs, argv: before, finished } = stored ?? { runs: [], argv: [], finished: 0 };
  const other = argv.findIndex((words, i) => i >= finished || !isDeepStrictEqual(words, before[i]));
  return runs.slice(0, other < 0 ? argv.length : other);
}

/** Says which finished runs are of other versions of the program; nothing where all are of this one. */
function otherVersions(codes: readonly string[], code: string, total: number): string {
  const others = codes.filter((one) => one !== code);
  if (others.length === 0) return "";
  const which = `ScoreStream ${[...new Set(others)].join(", ")}`;
  return `note: ${others.length} of ${total} runs are results of ${which}, and this is ${code}; remove the cell's folder to compute them anew`;
}

interface Ended {
  readonly exitCode: number;
  readonly summary: Partial<Summary>;
}

interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Last line of its standard output. */
  readonly last: string;
  readonly stopped: boolean;
}

/** Runs one command line; a stop is passed on, and unsubscription ends the process. */
function runProcess(
  cell: Cell,
  argv: readonly string[],
  { program, signal, tell }: RunCellsOptions,
): Observable<Ended> {
  return new Observable((subscriber) => {
    const [command, ...first] = program;
    const child = spawn(command!, [...first, ...argv, "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SCORESTREAM_LAUNCHER: String(process.pid) },
    });
    const onStop = () => child.kill("SIGTERM");
    signal.addEventListener("abort", onStop);
    let last = "";
    createInterface(child.stderr).on("line", (line) => tell(cell, line));
    createInterface(child.stdout).on("line", (line) => (last = line));
    const end = (ended: Ended) => {
      subscriber.next(ended);
      subscriber.complete();
    };
    // A process that cannot begin is a failed run, which leaves the others running.
    child.on("error", ({ message }) => end({ exitCode: 1, summary: { error: message } }));
    child.on("close", (code, killedBy) => end(endOf({ code, signal: killedBy, last, stopped: signal.aborted })));
    return () => {
      signal.removeEventListener("abort", onStop);
      child.kill("SIGKILL");
    };
  });
}

/** Determines a process's result, by its exit and its last line. */
function endOf({ code, signal, last, stopped }: ProcessEnd): Ended {
  // The process may not have listened for signals yet.
  if (signal === "SIGTERM" && stopped) return { exitCode: STOPPED, summary: { stoppedBy: signal } };
  if (signal !== null) return { exitCode: 1, summary: { error: `the run was ended by ${signal}` } };
  try {
    return { exitCode: code ?? 1, summary: JSON.parse(last) as Partial<Summary> };
  } catch {
    return { exitCode: code || 1, summary: { error: "the run printed no summary" } };
  }
}

/** The runs of a cell one after another, until one fails; those that ended well before are read. */
function runCell(cell: Cell, options: RunCellsOptions): Observable<CellResult> {
  const { folder, argvOf, signal, code, tell } = options;
  const argv = argvOf(cell);
  const workdir = join(folder, cell.name);
  const path = storedPath(workdir);
  let known: readonly string[] = [];
  const store = async ({ exitCode, runs }: Omit<CellResult, "cell">) => {
    const codes = runs.map((_, i) => known[i] ?? code);
    const done: Stored = { argv, exitCode, finished: exitCode === 0 ? runs.length : runs.length - 1, codes, runs };
    await writeFileAtomic(path, [Buffer.from(`${JSON.stringify(done, undefined, 2)}\n`)]);
    return { exitCode, runs };
  };
  return defer(() => {
    const stored = readStored(path);
    const before = finishedOf(stored, argv);
    known = before.map((_, i) => stored?.codes?.[i] ?? "of before");
    const note = otherVersions(stored?.codes ? known : [], code, argv.length);
    if (note) tell(cell, note);
    if (before.length === argv.length) return of({ cell, exitCode: 0, runs: before });
    if (signal.aborted) return EMPTY;
    mkdirSync(workdir, { recursive: true });
    let runs = before;
    const ended = ({ exitCode, summary }: Ended) => store({ exitCode, runs: (runs = [...runs, summary]) });
    return from(argv.slice(before.length)).pipe(
      // A run removes files of other processes that are not whole, so the record is written before the next run begins.
      concatMap((words) =>
        signal.aborted ? EMPTY : runProcess(cell, [...words, "--workdir", workdir], options).pipe(concatMap(ended)),
      ),
      takeWhile(({ exitCode }) => exitCode === 0, true),
      takeLast(1),
      // A cell whose runs have not all begun is no result: it goes on the next time.
      map(({ exitCode, runs }) => ({ cell, exitCode: exitCode || (runs.length < argv.length ? STOPPED : 0), runs })),
    );
  });
}

/**
 * Runs the cells, `jobs` at once; finished ones are read. A cell that fails leaves the others running.
 *
 * @returns Results in the order in which the cells end.
 */
export const runCells = (cells: readonly Cell[], options: RunCellsOptions): Observable<CellResult> =>
  from(cells).pipe(mergeMap((cell) => runCell(cell, options), options.jobs));
