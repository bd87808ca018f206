/** Names of files that are being written beside the file that they will be. */
import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync, type Dirent } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Two containers on one folder may have the same process id. */
const OWN = `${process.pid}-${randomBytes(4).toString("hex")}`;
const TEMPORARY = /^\..+\.(\d+(?:-[0-9a-f]{8})?)\.tmp$/;

/** Returns the path under which this process writes the file `path` before it renames it. */
export const temporaryPath = (path: string): string => join(dirname(path), `.${basename(path)}.${OWN}.tmp`);

/** Writes a small file: either the old or the new one is there, whatever happens. @throws what the file system says. */
export function replaceFile(path: string, text: string): void {
  const temporary = temporaryPath(path);
  try {
    writeFileSync(temporary, text, { flush: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** True for the name of a file that another process was writing. */
export function isForsaken(name: string): boolean {
  const writer = TEMPORARY.exec(name)?.[1];
  return writer !== undefined && writer !== OWN;
}

/** Levels of folders below a workdir in which files are written, as the checkpoints of its dequantizer. */
const DEPTH = 2;

/** Entries of a folder; none where this user may not read it, as `lost+found` on a disk of its own. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Finds the files that killed processes left unfinished in a folder and below. Folders that another process has locked are left out. */
function forsakenIn(folder: string, entries: readonly Dirent[], depth: number): string[] {
  return entries.flatMap((entry) => {
    const { name } = entry;
    if (isForsaken(name)) return [name];
    const inner = depth > 0 && entry.isDirectory() ? entriesOf(join(folder, name)) : [];
    if (inner.some((one) => one.name === ".lock")) return [];
    return forsakenIn(join(folder, name), inner, depth - 1).map((found) => join(name, found));
  });
}

/**
 * Removes what killed processes were writing in a folder and in the folders below it.
 *
 * @param folder Locked by this process: nobody else writes there.
 * @returns The paths of the files that were removed, relative to `folder`.
 */
export function sweepForsaken(folder: string): string[] {
  const found = forsakenIn(folder, readdirSync(folder, { withFileTypes: true }), DEPTH);
  for (const name of found) rmSync(join(folder, name), { force: true, recursive: true });
  return found;
}
