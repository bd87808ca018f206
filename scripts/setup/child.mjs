/** Runs the tools of the set-up; a signal reaches the tool first and then ends the set-up in order. */
import { spawn } from "node:child_process";
import { Interrupted } from "./errors.mjs";

/** Signals that end a program from outside. */
export const STOP_SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** Passes a signal on. Deno's own `child.kill` would report that the child died of it, whatever its exit code. */
export function sendSignal(child, signal) {
  try {
    process.kill(child.pid, signal);
  } catch {
    // It has just ended.
  }
}

let current;
let stoppedBy;
let watch = () => {};

/**
 * Has somebody told the process number of each tool as it starts, and undefined at its end.
 *
 * @param {(pid: number | undefined) => void} watcher
 */
export function watchTools(watcher) {
  watch = watcher;
}

/** Runs `work`; a signal meanwhile is passed to the running tool and ends the set-up at the next check. */
export async function interruptible(work) {
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => {
      stoppedBy ??= signal;
      if (current) sendSignal(current, signal);
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  try {
    return await work();
  } finally {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}

/** Ends the set-up here when a signal came. */
export function checkInterrupted() {
  if (stoppedBy) throw new Interrupted(stoppedBy);
}

/**
 * Runs a command to its end.
 *
 * @param {string[]} command Program and arguments.
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number | null, output: string }>} `code` null: it could not be started or died by a signal.
 * @throws Interrupted when a signal came meanwhile.
 */
export function run([file, ...args], { cwd, env = process.env } = {}) {
  checkInterrupted();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    current = child;
    watch(child.pid);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const end = (code, extra = "") => {
      current = undefined;
      watch(undefined);
      if (stoppedBy) reject(new Interrupted(stoppedBy));
      else resolve({ code, output: (output + extra).trim() });
    };
    child.on("error", (error) => end(null, error.message));
    child.on("close", (code, signal) => end(code, signal ? `ended by ${signal}` : ""));
  });
}

/** The last lines of a tool's output, for an error message. */
export const tail = (output, lines = 12) => output.split("\n").slice(-lines).join("\n  ");
