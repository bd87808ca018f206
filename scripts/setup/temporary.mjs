/** Folders that are complete or absent, also when the set-up is cut off. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sync } from "./files.mjs";

const PREFIX = ".unfinished-";

/**
 * Builds a folder under a temporary name beside it and renames it at the end.
 *
 * Only one set-up runs at a time, so what an earlier one left unfinished is removed first.
 *
 * @param {string} folder Its final path; replaced when it exists.
 * @param {(temporary: string) => Promise<void>} build
 */
export async function inPlace(folder, build) {
  const parent = dirname(folder);
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (name.startsWith(PREFIX)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const temporary = mkdtempSync(join(parent, `${PREFIX}${basename(folder)}-`));
  try {
    await build(temporary);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    sync(parent);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
