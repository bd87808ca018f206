import { readFileSync } from "node:fs";

/** Reads a JSON file; undefined where there is none, or it is damaged. `reviver` is that of `JSON.parse`. */
export function readJson<T>(path: string, reviver?: Parameters<typeof JSON.parse>[1]): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"), reviver) as T;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
