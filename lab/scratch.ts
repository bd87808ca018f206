/** Helpers of scripts that start and kill processes: a folder and processes that are gone at the end. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Removed at the end. */
export const folder = mkdtempSync(join(tmpdir(), "scorestream-script-"));
/** Killed at the end. */
export const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The path of a program, relative to this folder. */
export const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Numbers in [0, 1) that the seed fixes. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

/** Starts a monitor that keeps what is pushed in `archive`; resolves once it listens. */
export async function startMonitor(
  listen: string,
  archive: string,
): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const argv = ["--listen", listen, "--web", "127.0.0.1:0", "--dir", archive];
  const child = fork(program("../src/cli/monitor.ts"), argv, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  children.add(child);
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return { child, address: /on (\S+),/.exec(line)![1]! };
}
