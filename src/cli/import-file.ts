/** The default export of a user's file, in JavaScript or TypeScript. */
import { existsSync } from "node:fs";
import { register } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isBuilt, readsTypeScript } from "../base/built.ts";
import { UsageError } from "../base/errors.ts";
import { shellWord } from "../base/format.ts";

const root = resolve(fileURLToPath(new URL("../../", import.meta.url)));

/** Folder of a package in this checkout, which is one itself. */
function folderOf(name: string): string | undefined {
  if (isBuilt) return undefined;
  const folder = name === "scorestream" ? root : join(root, "node_modules", name);
  return existsSync(folder) ? folder : undefined;
}

/** Words for a package that `path` imports and Node does not find from there; undefined for any other error. */
export function packageMissing(path: string, error: unknown): UsageError | undefined {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (!/^(ERR_)?MODULE_NOT_FOUND$/.test(code)) return undefined;
  const name = /^Cannot find (?:module|package) '((?:@[\w.-]+\/)?\w[\w.-]*)/.exec(message)?.[1];
  if (name === undefined) return undefined;
  const [here, there] = [dirname(path), folderOf(name)];
  const link = join(here, "node_modules", name);
  const remedy =
    there === undefined
      ? `run npm install ${name} in ${here}`
      : `move the file into a folder of ${root}, or link the package: mkdir -p ${shellWord(dirname(link))} && ln -s ${shellWord(there)} ${shellWord(link)}`;
  return new UsageError(`${path}: the package ${name} is not installed in its folder`, remedy, { cause: error });
}

/**
 * Hooks by which Node loads TypeScript as ECMAScript modules, whatever the nearest package.json says. As CommonJS, the
 * files would load scorestream a second time, and the first one would not know their errors and formats.
 */
const AS_MODULES = String.raw`
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    const [, url] = /^(file:.*\.ts)(?:$|\?|%3F)/.exec(found.url) ?? [];
    return url === undefined || url.includes("/node_modules/") ? found : { ...found, url, format: "module" };
  }
`;
let hooked = false;

/** Has tsx load a user's files as modules. Deno, and Node where it reads TypeScript itself, do so on their own. */
async function loadAsModules(path: string): Promise<void> {
  if ("Deno" in globalThis || (isBuilt && readsTypeScript) || hooked) return;
  // The files of this program are modules.
  if (!/\.[cm]?ts$/.test(path) || path.startsWith(root + sep)) return;
  // A checkout has tsx from its start. It doubles the time of a start, so the built package loads it when needed.
  if (isBuilt) await import(import.meta.resolve("tsx"));
  hooked = true;
  register(`data:text/javascript,${encodeURIComponent(AS_MODULES)}`);
}

/** Imports the file at an absolute `path`. @throws UsageError when a package that it imports is not found. */
export async function importFile<T>(path: string): Promise<T | undefined> {
  await loadAsModules(path);
  try {
    return ((await import(pathToFileURL(path).href)) as { default?: T }).default;
  } catch (error) {
    throw packageMissing(path, error) ?? error;
  }
}
