/** Runs the programs that the torture kills and damages. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { children, program } from "../scratch.ts";

export const MAIN = program("../src/cli/main.ts");
export const DATA = program("../src/cli/data.ts");

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

/** Runs a program to its end. */
export async function runProgram({ file, argv, env, preload = [], killAfter }: Program): Promise<Ran> {
  const since = performance.now();
  const loaded = preload.flatMap((module) => ["--import", module]);
  const options = { timeout: 1000 * WAITING, killSignal: "SIGKILL", env: { ...process.env, ...env } } as const;
  const child = spawn(process.execPath, [...process.execArgv, ...loaded, file, ...argv], options);
  children.add(child);
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), 1000 * killAfter);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += String(text)));
  child.stderr.on("data", (text) => (stderr += String(text)));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  children.delete(child);
  return { code, signal, stderr, summary: summaryIn(stdout), seconds: (performance.now() - since) / 1000 };
}

/** A new folder, which the caller removes. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), "scorestream-torture-"));

/** The files of a folder and of those in it, by their paths within it. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

export const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
