/** `--format ./mine.ts`: a format of images from a file of one's own. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { formats, type Format } from "../data/sources/formats.ts";
import { importFile } from "./import-file.ts";

/** Imports the file. @throws UsageError when there is none, or it registers no format. */
async function nameOf(path: string): Promise<string> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new UsageError(`--format ${path}: there is no such file`, "give the path of a format, or the name of one");
  }
  const format = await importFile<Format>(file);
  if (format && formats.includes(format)) {
    format.file = file;
    return format.name;
  }
  throw new UsageError(`${path} exports no format`, "export default registerFormat({ ... })");
}

/** The place of a word that names a file of a format; -1: no word does. */
export const formatFileAt = (argv: readonly string[]): number =>
  argv.findIndex((word, i) => /^--format=.+\.[cm]?[jt]s$/.test(word) || (argv[i - 1] === "--format" && /\.[cm]?[jt]s$/.test(word))); // prettier-ignore

/** The command line with the name of the format in the place of its file, at {@link formatFileAt}. */
export async function withFormatName(argv: readonly string[], at: number): Promise<string[]> {
  const [, flag = "", path] = /^(--format=)?(.*)$/.exec(argv[at]!)!;
  return argv.with(at, `${flag}${await nameOf(path!)}`);
}
