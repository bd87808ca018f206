/** Runs the programs that the torture kills and damages. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { children, program } from "../scratch.ts";

export const MAIN = program("../src/cli/main.ts");
export const DATA = program("../src/cli/data.ts");
export const MONITOR = program("../src/cli/monitor.ts");
/** Folder of this project. */
export const PROJECT = program("..");

/** Seconds that one run may take on a busy machine. */
const WAITING = 300;

/** A command of this project's programs. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Modules that it loads first. */
  readonly preload?: readonly string[];
  /** Seconds after which it is killed. */
  readonly killAfter?: number;
  /** Seconds after which it hangs, default 300. */
  readonly most?: number;
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** Its last line on standard output, which `--json` makes an object; empty where it has none. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly seconds: number;
}

function summaryIn(stdout: string): Ran["summary"] {
  try {
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) || "{}") as Ran["summary"];
  } catch {
    return {};
  }
}

/** A program that runs. */
export interface Started {
  readonly pid: number;
  readonly ended: Promise<Ran>;
  /** All of its standard output, once it has ended. */
  readonly printed: Promise<string>;
  readonly running: () => boolean;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the match of what it tells, on either stream. @throws Error where it ends before, or in `seconds`. */
  says(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>;
}

/** Starts a command, which is killed at the end of this process. */
export function startCommand(
  command: readonly string[],
  { env, killAfter, cwd, most = WAITING }: Pick<Program, "env" | "killAfter" | "most"> & { readonly cwd?: string } = {},
): Started {
  const since = performance.now();
  const options = { timeout: 1000 * most, killSignal: "SIGKILL", env: { ...process.env, ...env }, cwd } as const;
  const child = spawn(command[0]!, command.slice(1), { ...options, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), 1000 * killAfter);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += String(text)));
  child.stderr.on("data", (text) => (stderr += String(text)));
  const ended = once(child, "close").then((end): Ran => {
    const [code, signal] = end as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    children.delete(child);
    return { code, signal, stderr, summary: summaryIn(stdout), seconds: (performance.now() - since) / 1000 };
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    ...{ pid: child.pid!, ended, running, printed: ended.then(() => stdout) },
    kill: (signal) => void child.kill(signal),
    async says(pattern, seconds = 120) {
      for (const last = performance.now() + 1000 * seconds; performance.now() < last; await delay(20)) {
        const found = pattern.exec(stdout + stderr);
        if (found) return found;
        if (!running()) break;
      }
      throw new Error(`it did not say ${pattern}: ${stdout.slice(-500)}${stderr.slice(-500)}`);
    },
  };
}

/** Command of a program. */
export const commandOf = ({ file, argv, preload = [] }: Program): string[] => [
  ...[process.execPath, ...process.execArgv, ...preload.flatMap((module) => ["--import", module])],
  ...[file, ...argv],
];

/** Starts a program. */
export const startProgram = (program: Program): Started => startCommand(commandOf(program), program);

/** Runs a program to its end. */
export const runProgram = (program: Program): Promise<Ran> => startProgram(program).ended;

/** A new folder, which the caller removes. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), "scorestream-torture-"));

/** The files of a folder and of those in it, by their paths within it. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

export const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
