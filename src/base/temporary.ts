/** Names of files that are being written beside the file that they will be. */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Two containers on one folder may have the same process id. */
const OWN = `${process.pid}-${randomBytes(4).toString("hex")}`;
const TEMPORARY = /^\..+\.(\d+(?:-[0-9a-f]{8})?)\.tmp$/;

/** Returns the path under which this process writes the file `path` before it renames it. */
export const temporaryPath = (path: string): string => join(dirname(path), `.${basename(path)}.${OWN}.tmp`);

/** True for the name of a file that another process was writing. */
export function isForsaken(name: string): boolean {
  const writer = TEMPORARY.exec(name)?.[1];
  return writer !== undefined && writer !== OWN;
}

/** Names in a folder; none where it may not be read, as `lost+found` on a disk of its own. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Removes what killed processes were writing in a folder and in the folders in it.
 *
 * @param folder Locked by this process: nobody else writes there.
 * @returns The paths of the files that were removed, relative to `folder`.
 */
export function sweepForsaken(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const names = entry.isDirectory()
      ? namesIn(join(folder, entry.name)).map((name) => join(entry.name, name))
      : [entry.name];
    found.push(...names.filter((name) => isForsaken(basename(name))));
  }
  for (const name of found) rmSync(join(folder, name), { force: true, recursive: true });
  return found;
}
