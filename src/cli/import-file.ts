/** The default export of a user's file, in JavaScript or TypeScript. */
import { pathToFileURL } from "node:url";
import { isBuilt, readsTypeScript } from "../base/built.ts";

/** Imports the file at an absolute `path`. */
export async function importFile<T>(path: string): Promise<T | undefined> {
  // A checkout has tsx from its start. It doubles the time of a start, so the built package loads it when needed.
  if (isBuilt && !readsTypeScript && /\.[cm]?ts$/.test(path)) await import(import.meta.resolve("tsx"));
  return ((await import(pathToFileURL(path).href)) as { default?: T }).default;
}
