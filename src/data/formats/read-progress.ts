import { readFileSync } from "node:fs";
import { readProgressLines } from "./progress-lines.ts";

export interface SavedProgress<T> {
  /** The work that the results depend on. */
  readonly work: unknown;
  /** Results up to the first damaged one. */
  readonly entries: readonly T[];
}

/** Reads what a `ProgressFile` wrote and leaves it is; undefined when there is none, or its first line is damaged. */
export function readProgress<T>(path: string): SavedProgress<T> | undefined {
  try {
    const { work, entries } = readProgressLines<T>(readFileSync(path, "utf8"));
    return work === undefined ? undefined : { work, entries };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
