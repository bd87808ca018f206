/** The default export of a user's file, in JavaScript or TypeScript. */
import { pathToFileURL } from "node:url";
import { isBuilt } from "../base/built.ts";

/** True where nothing has been told yet to read TypeScript: Node before 22.18 in the built package. */
const readsOnlyJavaScript =
  isBuilt && !("Deno" in globalThis) && !(process.features as { typescript?: unknown }).typescript;

/** Imports the file at an absolute `path`. */
export async function importFile<T>(path: string): Promise<T | undefined> {
  // tsx doubles the time of a start, so only the programs that need it load it.
  if (readsOnlyJavaScript && /\.[cm]?ts$/.test(path)) await import(import.meta.resolve("tsx"));
  return ((await import(pathToFileURL(path).href)) as { default?: T }).default;
}
