import { readFileSync } from "node:fs";
import { readLines } from "./progress-lines.ts";

export interface SavedProgress<T> {
  /** What the results depend on. */
  readonly work: unknown;
  /** Up to the first that is damaged. */
  readonly entries: readonly T[];
}

/** Reads what a `ProgressFile` wrote and leaves it is; undefined when there is none, or its first line is damaged. */
export function readProgress<T>(path: string): SavedProgress<T> | undefined {
  try {
    const { work, entries } = readLines<T>(readFileSync(path, "utf8"));
    return work === undefined ? undefined : { work, entries };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
