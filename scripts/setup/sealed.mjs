/** Folders of the cache whose files are known by size and hash. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, sync } from "./files.mjs";
import { say } from "./progress.mjs";

const MANIFEST = "files.json";
/** Beside the manifest while the files are in doubt. */
const SUSPECT = "suspect";

/** Paths of all files under a folder, in order; links count as what they lead to. */
const filesUnder = (folder) =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();

/** Writes the manifest of a folder's files, all of them synced to the disk. */
export async function seal(folder) {
  const files = {};
  for (const name of filesUnder(folder)) {
    const path = join(folder, name);
    sync(path);
    files[name] = { size: statSync(path).size, sha256: await sha256(path) };
  }
  const path = join(folder, MANIFEST);
  writeFileSync(path, JSON.stringify(files));
  sync(path);
}

/** Entries of a manifest; one of an older version has sizes alone. */
const entriesIn = (folder) =>
  Object.entries(JSON.parse(readFileSync(join(folder, MANIFEST), "utf8"))).map(([name, known]) => ({
    ...{ name, path: join(folder, name) },
    ...(typeof known === "number" ? { size: known } : known),
  }));

/** True when all files are there, by their sizes, and none is in doubt. */
export function isComplete(folder) {
  try {
    return !isSuspect(folder) && entriesIn(folder).every(({ path, size }) => statSync(path).size === size);
  } catch {
    return false;
  }
}

/** True after a program that used the folder died of a fault. */
export const isSuspect = (folder) => existsSync(join(folder, SUSPECT));

/** Puts a folder in doubt, so that the next set-up reads all of it. */
export function suspect(folder) {
  try {
    writeFileSync(join(folder, SUSPECT), "");
  } catch {
    // A folder that cannot be written to is checked by `npm run setup`.
  }
}

async function isDamaged({ path, size, sha256: known }, doubtful) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.size !== size) return true;
  // Without a hash, a file in doubt is fetched again.
  return known === undefined ? doubtful : (await sha256(path)) !== known;
}

/** Reads all files of a folder, and removes it when one is damaged, or has been in doubt and has no hash. */
export async function removeDamaged(folder) {
  if (!existsSync(folder)) return;
  const doubtful = isSuspect(folder);
  const damaged = [];
  try {
    for (const entry of entriesIn(folder)) if (await isDamaged(entry, doubtful)) damaged.push(entry.name);
  } catch {
    damaged.push(MANIFEST);
  }
  if (damaged.length > 0) {
    const more = damaged.length > 1 ? ` (and ${damaged.length - 1} more)` : "";
    say(`${join(folder, damaged[0])} is damaged${more}: the engine is made anew`);
    rmSync(folder, { recursive: true, force: true });
  } else if (doubtful) {
    say("the engine's files are whole: the fault was not theirs");
    rmSync(join(folder, SUSPECT), { force: true });
  }
}
