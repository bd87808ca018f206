/** Cleans up after a refused run, so that it leaves nothing behind. */
import { readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Files that a run writes before the pipeline has checked anything. */
const WRITTEN = ["config.json", "log.txt", "metrics.jsonl", "run-id", "run-node", "run-place"];

const names = (folder: string): string[] | undefined => {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
};

/**
 * Looks at `workdir` before a run.
 *
 * @returns A function that takes back what a refused run has written into a folder that was empty or not there. A
 * folder in which there is anything else by then is left as it is.
 */
export function rollbackWorkdir(workdir: string): () => void {
  const before = names(workdir);
  return () => {
    const after = names(workdir);
    if (before?.length || !after?.every((name) => WRITTEN.includes(name))) return;
    for (const name of after) rmSync(join(workdir, name));
    if (!before) rmdirSync(workdir);
  };
}
