/** `--format ./mine.ts`: a format of images from a file of one's own. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../base/errors.ts";
import { formats, type Format } from "../data/sources/formats.ts";

/** Imports the file. @throws UsageError when there is none, or it registers no format. */
async function nameOf(path: string): Promise<string> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new UsageError(`--format ${path}: there is no such file`, "give the path of a format, or the name of one");
  }
  const { default: format } = (await import(pathToFileURL(file).href)) as { default?: Format };
  if (format && formats.includes(format)) return format.name;
  throw new UsageError(`${path} exports no format`, "export default registerFormat({ ... })");
}

/** The command line with the names of formats in the place of their files. */
export async function withFormatNames(argv: readonly string[]): Promise<string[]> {
  const named: string[] = [];
  for (const [i, word] of argv.entries()) {
    const [, flag, path] = /^(--format=)?(.+\.[cm]?[jt]s)$/.exec(word) ?? [];
    const wanted = path !== undefined && (flag !== undefined || argv[i - 1] === "--format");
    named.push(wanted ? `${flag ?? ""}${await nameOf(path)}` : word);
  }
  return named;
}
