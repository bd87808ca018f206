/** A project of its own in a temporary folder, with the real set-up scripts and stand-ins for the tools. */
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { COMPILER, fakeTool, LOG, NPM, pythonWith, runtime, wheelsModule, writeWheel } from "./fake-tools.ts";

const original = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The set-up and what it compiles. */
const COPIED = ["scripts", "src/engine/native"];

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Project {
  /** The temporary folder: `project/`, `cache/`, `bin/`. */
  readonly root: string;
  readonly folder: string;
  readonly cache: string;
  /** Calls of the tools so far. */
  calls(): string[];
  tool(name: string, body: string): void;
  removeTool(name: string): void;
  write(name: string, text: string): void;
  /** Starts `run.mjs`, in a shell if asked, and returns its process, or the shell's, beside its outcome. */
  start(args: string[], env?: NodeJS.ProcessEnv, shell?: boolean): { process: ChildProcess; outcome: Promise<Outcome> };
  run(args?: string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
}

/** A fresh project, removed at the end of the test. */
export function makeProject(): Project {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "set-up-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const [folder, cache, bin] = [join(root, "project"), join(root, "cache"), join(root, "bin")];
  mkdirSync(folder);
  for (const path of COPIED) cpSync(original(path), join(folder, path), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const sha256 = writeWheel(join(root, "good.whl"));
  write("scripts/setup/wheels.mjs", wheelsModule(sha256));
  write("package.json", '{ "type": "module" }');
  write("package-lock.json", '{ "packages": { "": {}, "node_modules/a": { "version": "1.0.0", "integrity": "x" } } }');
  const tool = (name: string, body: string) => fakeTool(root, name, body);
  tool("npm", NPM);
  tool("python3", pythonWith(join(root, "good.whl")));
  tool("c++", COMPILER);

  const start: Project["start"] = (args, env = {}, shell = false) => {
    // Only the stand-ins are found; the real tools of the machine are not.
    const clean = { HOME: root, PATH: bin, SCORESTREAM_CACHE: cache, SCORESTREAM_ENGINE: "cpu", ...env };
    const inShell = shell ? ["/bin/sh", "-c", '"$@" & wait', "sh"] : [];
    const command = [...inShell, ...runtime, join(folder, "scripts/run.mjs"), ...args];
    const [file, ...rest] = command as [string, ...string[]];
    const child = spawn(file, rest, { cwd: folder, env: clean, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    const outcome = new Promise<Outcome>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
    return { process: child, outcome };
  };
  return {
    root,
    folder,
    cache,
    tool,
    write,
    start,
    calls: () => (existsSync(join(root, LOG)) ? readFileSync(join(root, LOG), "utf8").trim().split("\n") : []),
    removeTool: (name) => rmSync(join(bin, name)),
    run: (args = [], env) => start(args, env).outcome,
  };
}

/** Sends a signal, but not by `child.kill`, after which Deno reports no exit code. */
export const sendSignal = (child: ChildProcess, signal: NodeJS.Signals) => process.kill(child.pid!, signal);

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
