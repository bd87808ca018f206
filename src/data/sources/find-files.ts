import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError } from "./bad-data.ts";
import { conversionOf, foreignKind } from "./content-kind.ts";
import { fileFault, listFolder, lookAt, lookAtFile, shownPath, type Listed } from "./listing.ts";
import { listed } from "../../base/lists.ts";
import type { SourceOptions } from "./options.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import { missingParts } from "./record-counts.ts";
import { ofSplit, splitOfFile, splitOfFolder, splitsTold, type Told } from "./splits.ts";
import { statOf } from "./stamp.ts";

const { compare } = new Intl.Collator("en", { numeric: true });
/** "part-2" before "part-10"; "1" and "01", which are alike, by code unit. */
const byNumber = (a: string, b: string) => compare(a, b) || (a < b ? -1 : 1);

/** Folders in folders that are looked into: "data/train" of a hub folder, or "NAME/default/train". */
const DEPTH = 3;

interface Found extends Told {
  readonly path: string;
  /** Why it cannot be opened, whatever is in it. */
  readonly fault?: BadDataError | undefined;
}

/** Everything in a folder that is not hidden, "2" before "10"; what is hidden is counted. */
async function visible(folder: string, tally: Tally): Promise<Listed[]> {
  const listed = await listFolder(folder).catch((error: unknown) => Promise.reject(fileFault(folder, error, true)));
  const all = listed.sort((a, b) => byNumber(a.name, b.name));
  for (const { name } of all) if (name.startsWith(".")) tally.add("hidden", name);
  return all.filter(({ name }) => !name.startsWith("."));
}

/** True for a folder, or a link to one. */
async function isFolder({ path, kind }: Listed): Promise<boolean> {
  if (kind !== "link") return kind === "folder";
  const found = await lookAt(path);
  return !(found instanceof BadDataError) && found.isDirectory();
}

const endingOf = (name: string) => /[^.](\.[^.]+)$/.exec(name)?.[1]?.toLowerCase();

/** Why a file whose name tells of nothing that is read is passed over. */
export const notRead = (name: string): string => `${endingOf(name) ?? "without an ending"}: not read`;

function foundFile({ name, path }: Listed): Found {
  const fault = typeof path === "string" ? undefined : new BadDataError(shownPath(path), "its name is not UTF-8", { whole: true, remedy: "rename the file" }); // prettier-ignore
  return { path: shownPath(path), split: splitOfFile(name), fault };
}

/** Files in a folder that are wanted, those in folders of splits in it, or, where there are none, in its folders. */
async function search(folder: string, wanted: RegExp, tally: Tally, depth = DEPTH): Promise<Found[]> {
  const [files, folders]: [Found[], Listed[]] = [[], []];
  for (const entry of await visible(folder, tally)) {
    if (await isFolder(entry)) {
      if (typeof entry.path === "string") folders.push(entry);
      else tally.add("a folder whose name is not UTF-8", entry.name);
    } else if (!wanted.test(entry.name)) tally.add(notRead(entry.name), entry.name);
    else files.push(foundFile(entry));
  }
  if (depth === 0) return files;
  const below = async (chosen: readonly Listed[]) => {
    const found: Found[] = [];
    for (const { path, name } of chosen) {
      const inside = await search(shownPath(path), wanted, tally, depth - 1);
      const split = splitOfFolder(name);
      found.push(...inside.map((file) => ({ split, ...file, ...(file.split ? {} : { split }) })));
    }
    return found;
  };
  const told = folders.filter(({ name }) => splitOfFolder(name) !== undefined);
  files.push(...(await below(told)));
  return files.length > 0 ? files : below(folders.filter((entry) => !told.includes(entry)));
}

/** The folder of a file below `root`, without folders of splits: what else is on the way names another data set. */
const placeOf = (root: string, { path }: Found) =>
  relative(root, path).split(sep).slice(0, -1).filter((name) => splitOfFolder(name) === undefined).join(sep); // prettier-ignore

/** @throws UsageError when files lie in several folders that are no splits: nothing says which are wanted. */
function requireOnePlace(root: string, found: readonly Found[]): void {
  const places = [...new Set(found.map((file) => placeOf(root, file)))];
  if (places.length < 2) return;
  throw new UsageError(
    `${root}: the files lie in several folders: ${places.map((place) => place || ".").join(", ")}`,
    `name one of them: --from ${join(root, places.find(Boolean)!)}`,
  );
}

/** Everything of the format at `path`, a file or a folder, whatever its split. @throws UsageError when there is none. */
async function findAll(path: string, wanted: RegExp, what: string, remedy: string, tally: Tally): Promise<Found[]> {
  if (!(await statOf(path)).isDirectory()) return [{ path, split: splitOfFile(basename(path)) }];
  const found = await search(path, wanted, tally);
  if (found.length === 0) {
    const names = (await listFolder(path)).map(({ name }) => name).sort(byNumber);
    throw new UsageError(`${path}: expected ${what}, found ${listed(names)}`, conversionOf(names) ?? remedy);
  }
  requireOnePlace(path, found);
  return found;
}

/** The files of one split. */
export interface SplitFiles {
  readonly paths: readonly string[];
  /** Files that cannot be read or do not exist, in the places of their images. */
  readonly faults: readonly BadDataError[];
  readonly passedOver: readonly PassedOver[];
}

const REMEDY = "name the folder or file with --from";

/** A fault of a file that tells before it is read: it is empty, or something else than its name says. */
async function faultOf({ path, fault }: Found, wanted: RegExp): Promise<BadDataError | undefined> {
  const look = fault ?? (await lookAtFile(path, true));
  if (look instanceof BadDataError) return look;
  if (look.size === 0) return new BadDataError(path, "empty", { whole: true });
  try {
    const kind = await foreignKind(path, wanted);
    return kind && new BadDataError(path, `it is ${kind.name}`, { whole: true, remedy: kind.remedy });
  } catch (error) {
    return fileFault(path, error, true);
  }
}

/** Regular files, and what is wrong with the others. */
async function readableFiles(found: readonly Found[], wanted: RegExp) {
  const looked: (readonly [string, BadDataError | undefined])[] = [];
  for (const file of found) looked.push([file.path, await faultOf(file, wanted)]);
  const faults = looked.flatMap(([, result]) => (result instanceof BadDataError ? [result] : []));
  return { paths: looked.flatMap(([path, result]) => (result instanceof BadDataError ? [] : [path])), faults };
}

/**
 * Finds the files of a split at `path`: the file itself, or the files in the folder, in "data", or in folders of
 * splits. "2" comes before "10". Hidden files are ignored.
 *
 * @param what Text for the message if there is none, such as ".parquet files".
 * @throws UsageError when there is none of the format or of the split. BadDataError when one cannot be read, or the
 *   names show that one is missing, unless bad data are left out.
 */
export async function findSplit(
  { path, split, skipBad = false }: Pick<SourceOptions, "path" | "split" | "skipBad">,
  wanted: RegExp,
  what: string,
  remedy = REMEDY,
): Promise<SplitFiles> {
  const tally = new Tally();
  const all = await findAll(path, wanted, what, remedy, tally);
  // A file that is named itself is all that is wanted.
  const named = all[0]!.path === path;
  const own = ofSplit(path, all, split, rootSplit(path, named));
  const { paths, faults } = await readableFiles(own, wanted);
  const bad = named ? faults : [...faults, ...missingParts(own.map((file) => file.path))];
  if (bad[0] && (named || !skipBad)) throw bad[0];
  for (const other of all) {
    if (!own.includes(other)) tally.add(other.split ? `of split ${other.split}` : "of no split", basename(other.path));
  }
  return { paths, faults: bad, passedOver: tally.list() };
}

/** The split that the folder around all files tells: the one that is named, or that of the file that is. */
const rootSplit = (path: string, isFile: boolean) =>
  splitOfFolder(basename(isFile ? dirname(resolve(path)) : resolve(path)));

/** The splits that names tell at `path`; none when there are no such files. */
export async function splitsOfFiles(path: string, wanted: RegExp): Promise<string[]> {
  const isFile = !(await statOf(path)).isDirectory();
  const found = isFile ? [{ split: splitOfFile(basename(path)) }] : await search(path, wanted, new Tally());
  const [told, root] = [splitsTold(found), rootSplit(path, isFile)];
  return told.length > 0 || root === undefined || found.length === 0 ? told : [root];
}

/**
 * The files that `wanted` accepts: `path` itself, else those directly in the folder.
 *
 * @throws UsageError when there is none.
 */
export async function findFiles(
  path: string,
  wanted: (name: string) => boolean,
  what: string,
  remedy = REMEDY,
): Promise<string[]> {
  const isFile = !(await statOf(path)).isDirectory();
  const all = isFile ? [] : await visible(path, new Tally());
  const names = isFile ? [basename(path)] : all.map(({ name }) => name);
  if (isFile && wanted(basename(path))) return [path];
  const found: string[] = [];
  for (const entry of all) if (wanted(entry.name) && !(await isFolder(entry))) found.push(join(path, entry.name));
  if (found.length > 0) return found;
  throw new UsageError(`${path}: expected ${what}, found ${listed(names)}`, remedy);
}
