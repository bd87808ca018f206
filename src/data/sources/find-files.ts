import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { statOf } from "./stamp.ts";

/** "part-2" before "part-10". */
const byNumber = new Intl.Collator("en", { numeric: true }).compare;

/**
 * The files that `wanted` accepts: `path` itself when it is a file, else those directly in the folder, "2" before "10".
 *
 * @param what Said when there is none, such as "data_batch_1.npz".
 * @throws UsageError when there is none.
 */
export async function findFiles(
  path: string,
  wanted: (name: string) => boolean,
  what: string,
  remedy = "say with --from which folder or file has them",
): Promise<string[]> {
  if ((await statOf(path)).isFile()) return [path];
  const all = await readdir(path);
  const names = all.filter(wanted).sort(byNumber);
  if (names.length > 0) return names.map((name) => join(path, name));
  const found = all.slice(0, 8).join(", ") || "nothing";
  throw new UsageError(`${path}: expected ${what}, found ${found}`, remedy);
}

const SPLITS = /(?:^|[-_.])(train|test|val|valid|validation|extra)(?=[-_.])/;

/**
 * The files of a split, where file names tell it, such as "train-00000-of-00002.parquet"; else all of them.
 *
 * @throws UsageError when the names tell of other splits only.
 */
export function filesOfSplit(paths: readonly string[], split: string): readonly string[] {
  const named = (path: string) => SPLITS.exec(basename(path))?.[1];
  const own = paths.filter((path) => named(path) === split);
  if (own.length > 0 || paths.length < 2) return own.length > 0 ? own : paths;
  const others = [...new Set(paths.map(named).filter((name) => name !== undefined))];
  if (others.length === 0) return paths;
  throw new UsageError(`split ${split}: there are only files of ${others.join(", ")}`, `say --split ${others[0]}`);
}
