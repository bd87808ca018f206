/** Starts the program that was asked for, under the runtime that runs this script. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, constants } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { sendSignal, STOP_SIGNALS } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { installed, modules, project } from "./paths.mjs";

const isDeno = "Deno" in globalThis;

/** True when this Node reads TypeScript itself (22.18, 23.6 and later). */
function readsTypeScript(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

/** True for the program that decodes images in many threads; what saves memory in a training only costs it time. */
const decodes = (file) => /[\\/]cli[\\/]data\.[cm]?[jt]s$/.test(file);

/** Options that let the runtime run `file`. */
function runtimeOptions(file) {
  if (isDeno) return ["run", "-A"];
  if (!file.endsWith(".ts") && !installed) return [];
  // In MiB; what is large lives in TensorFlow, and a larger space for young objects only fills with garbage.
  const memory = decodes(file) ? [] : ["--max-semi-space-size=2"];
  if (readsTypeScript()) return [...memory, "--disable-warning=ExperimentalWarning"];
  // An installed package is JavaScript; it loads tsx itself before a pipeline in TypeScript.
  if (installed) return memory;
  const tsx = createRequire(join(project, "package.json")).resolve("tsx");
  return [...memory, "--import", pathToFileURL(tsx).href];
}

/**
 * Command and folder of a program, and whether it saves memory.
 *
 * @param {string} program `vitest`, or a file relative to the project.
 * @throws SetupError when there is no such file.
 */
export function commandOf(program, args) {
  if (program === "vitest") {
    const vitest = isDeno ? ["run", "-A", "npm:vitest"] : [join(modules, "vitest/vitest.mjs")];
    return { command: [process.execPath, ...vitest, "run", ...args], cwd: project, frugal: true };
  }
  const file = resolve(project, program);
  if (!existsSync(file)) throw new SetupError(`there is no program ${file}`, "name a file of this project", 2);
  const command = [process.execPath, ...runtimeOptions(file), file, ...args];
  return { command, cwd: process.cwd(), frugal: !decodes(file) };
}

/** ms between looks at the parent. */
const LOOK = 1000;

/** Stops the program when npm is gone: npm ends at SIGTERM without passing it on. */
function stopWithNpm(child, env = process.env) {
  if (!env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    sendSignal(child, "SIGTERM");
  }, LOOK);
  timer.unref();
}

/**
 * Runs a program to its end. Signals are passed on; the program decides when it ends.
 *
 * @param {Record<string, string>} extra Added to its environment.
 * @returns {Promise<{ code: number, signal: NodeJS.Signals | null }>} Its exit code, 128 + n after signal n.
 */
export function launch(program, args, extra) {
  const { command, cwd, frugal } = commandOf(program, args);
  const [file, ...rest] = command;
  return new Promise((resolve, reject) => {
    const defaults = {
      // Images are decoded in libuv's threads, of which there are 4 whatever the machine has.
      UV_THREADPOOL_SIZE: String(Math.max(4, availableParallelism())),
      // One heap for all threads: with one each, what one has freed the others cannot use.
      ...(frugal && { MALLOC_ARENA_MAX: "1" }),
      // Compiled code, which Node from 22.1 on keeps and starts faster with.
      NODE_COMPILE_CACHE: join(modules, ".cache/compiled"),
    };
    // A program that finds its launcher gone stops, and gives its workdir back.
    const launcher = { SCORESTREAM_LAUNCHER: String(process.pid) };
    const environment = { ...defaults, ...process.env, ...extra, ...launcher };
    const child = spawn(file, rest, { cwd, env: environment, stdio: "inherit" });
    for (const signal of STOP_SIGNALS) process.on(signal, () => sendSignal(child, signal));
    stopWithNpm(child);
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal], signal }));
  });
}
