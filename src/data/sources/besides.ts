/** Lists the content of a data set's folder beside the files that are read. */
import { dirname, join, relative, resolve, sep } from "node:path";
import { notRead } from "./find-files.ts";
import { listFolder } from "./listing.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import { splitOfFile } from "./splits.ts";
import { statOf } from "./stamp.ts";

/** Finds the split that a name tells; undefined where it tells two or none. */
function splitIn(name: string): string | undefined {
  try {
    return splitOfFile(name);
  } catch {
    return undefined;
  }
}

interface BesidesOptions {
  /** The split that is read, whose other files are no files of another split. */
  readonly split: string;
  /** Names that tell a split in this data set only, such as "t10k". */
  readonly splitOf?: (name: string) => string | undefined;
}

/**
 * Counts by reason everything directly in a folder that is not read, and in the folders on the way to what is.
 *
 * @param path What was given: a file by itself has nothing beside it.
 * @param used Files and folders that are read.
 */
export async function besides(
  path: string,
  used: readonly string[],
  { split, splitOf = splitIn }: BesidesOptions,
): Promise<PassedOver[]> {
  if (!(await statOf(path)).isDirectory()) return [];
  const tally = new Tally();
  const read = new Set(used.map((file) => resolve(file)));
  const folders = new Set([resolve(path)]);
  for (const file of read) {
    const inside = relative(resolve(path), dirname(file));
    if (inside === "" || inside.startsWith("..")) continue;
    inside.split(sep).forEach((_, i, parts) => folders.add(join(resolve(path), ...parts.slice(0, i + 1))));
  }
  for (const folder of folders) {
    for (const { name, kind } of await listFolder(folder)) {
      const at = join(folder, name);
      if (read.has(at) || folders.has(at)) continue;
      const told = splitOf(name);
      if (name.startsWith(".")) tally.add("hidden", name);
      else if (told !== undefined && told !== split) tally.add(`of split ${told}`, name);
      else tally.add(kind === "folder" ? "folder: not read" : notRead(name), name);
    }
  }
  return tally.list();
}
