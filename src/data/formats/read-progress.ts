import { readFileSync } from "node:fs";
import { parseNumbers } from "../../base/json-numbers.ts";

export interface SavedProgress<T> {
  /** What the results depend on. */
  readonly work: unknown;
  readonly entries: readonly T[];
}

/** Reads what a `ProgressFile` wrote and leaves it is; undefined when there is none, or it is damaged. */
export function readProgress<T>(path: string): SavedProgress<T> | undefined {
  try {
    const [head, ...entries] = readFileSync(path, "utf8").split("\n").slice(0, -1);
    const { work } = JSON.parse(head ?? "") as { work: unknown };
    return { work, entries: entries.map((line) => parseNumbers(line) as T) };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
