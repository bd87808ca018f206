import { basename, join, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError } from "./bad-data.ts";
import { conversionOf } from "./content-kind.ts";
import { fileEntries, type EntryFile } from "./file-entries.ts";
import { fileFault, listFolder, lookAt, type FilePath, type Listed } from "./listing.ts";
import type { SourceOptions } from "./options.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import type { Source } from "./source.ts";
import { ofSplit, splitOfFolder, splitsOfFolders, splitsTold } from "./splits.ts";
import { statOf } from "./stamp.ts";
import { byName, IMAGE_NAMES, StampOfMany, walk } from "./walk.ts";

/** The place of the splits' folders in the tree, and the split wanted; undefined where names tell no split. */
interface Layout {
  /** 0: in the root; 1: in each folder of it. */
  readonly position: 0 | 1;
  readonly isOwn: (name: string) => boolean;
  /** By the names of the folders that tell one. */
  readonly splits: ReadonlyMap<string, string>;
}

/** A folder whose name tells a split. */
interface ToldFolder {
  readonly name: string;
  readonly split: string;
}

/** Those of the folders whose names tell a split. */
function toldIn(folders: readonly Listed[]): ToldFolder[] {
  const splits = splitsOfFolders(folders.map(({ name }) => name));
  return [...splits].map(([name, split]) => ({ name, split }));
}

/**
 * Folders that are not hidden and have images, links to folders among them. Others tell no split: shards may be written
 * to them.
 *
 * @throws BadDataError when the folder cannot be read.
 */
async function foldersIn(folder: FilePath): Promise<Listed[]> {
  const found: Listed[] = [];
  const all = await listFolder(folder).catch((error: unknown) => Promise.reject(fileFault(folder, error, true)));
  for (const entry of all) {
    if (entry.name.startsWith(".")) continue;
    const look = entry.kind === "link" ? await lookAt(entry.path) : undefined;
    const isFolder = entry.kind === "folder" || (look && !(look instanceof BadDataError) && look.isDirectory());
    if (isFolder && (await hasImages(entry.path))) found.push(entry);
  }
  return found;
}

/** What cannot be read tells no split; {@link walk} reports it. */
function ifUnreadable(error: unknown): Listed[] {
  if (error instanceof BadDataError) return [];
  throw error;
}

/**
 * Folders of splits one level down, as in "photos/train" or "cat/train", where each folder has nothing else in it. Others
 * beside them count only where one split is told: one folder "train" may be a class.
 */
async function innerSplits(folders: readonly Listed[]): Promise<ToldFolder[]> {
  const inner: ToldFolder[] = [];
  let others = false;
  for (const folder of folders) {
    const inside = await foldersIn(folder.path).catch(ifUnreadable);
    const told = toldIn(inside);
    if (inside.length > 0 && told.length === inside.length) inner.push(...told);
    else others = true;
  }
  return others && splitsTold(inner).length < 2 ? [] : inner;
}

async function hasImages(folder: FilePath): Promise<boolean> {
  for await (const _ of walk(folder)) return true;
  return false;
}

/** @throws UsageError when the folders tell of other splits only, or two of them are the split. */
async function layoutOf(path: string, split: string): Promise<Layout | undefined> {
  const folders = await foldersIn(path);
  const exact = folders.find(({ name }) => name === split);
  const top = toldIn(folders);
  const told = top.length > 0 || exact ? top : await innerSplits(folders);
  const position = told === top ? 0 : 1;
  const splits = new Map(told.map((one) => [one.name, one.split]));
  if (exact) return { position: 0, isOwn: (name) => name === split, splits };
  const own = [...new Set(ofSplit(path, told, split, splitOfFolder(basename(resolve(path)))).map(({ name }) => name))];
  if (own.length === 0) return undefined;
  if (position === 0 && own.length > 1) {
    throw new UsageError(
      `${path}: the folders ${own.join(" and ")} are both split ${split}`,
      `name one with --from, such as --from ${join(path, own[0]!)}`,
    );
  }
  return { position, isOwn: (name) => own.includes(name), splits };
}

/** The splits that names of folders tell at `path`. */
export async function splitsOfFolder(path: string): Promise<string[]> {
  if (!(await statOf(path)).isDirectory()) return [];
  const folders = await foldersIn(path);
  const top = toldIn(folders);
  const told = splitsTold(top.length > 0 ? top : await innerSplits(folders));
  const root = splitOfFolder(basename(resolve(path)));
  return told.length > 0 || root === undefined ? told : [root];
}

/** Why an image is not of the split; undefined when it is. */
function elsewhere(layout: Layout | undefined, parts: readonly string[]): string | undefined {
  const folder = layout && parts.length > layout.position + 1 ? parts[layout.position]! : undefined;
  if (!layout || (folder !== undefined && layout.isOwn(folder))) return undefined;
  const split = folder === undefined ? undefined : layout.splits.get(folder);
  return split ? `of split ${split}` : "image beside the folders of splits";
}

/** The class of an image: the folder that comes first behind that of the split, or around it. */
function classOf(layout: Layout | undefined, parts: readonly string[]): string | undefined {
  const folders = parts.slice(0, -1);
  if (!layout) return folders[0];
  return folders[layout.position + 1] ?? (layout.position > 0 ? folders[0] : undefined);
}

interface Surveyed {
  readonly stamp: StampOfMany;
  readonly classes: ReadonlySet<string>;
  /** An image in no folder of a class. */
  readonly loose: string;
  readonly passedOver: readonly PassedOver[];
}

/** Looks at every file once, before any is decoded. */
async function survey(path: string, layout: Layout | undefined): Promise<Surveyed> {
  const [tally, stamp, classes] = [new Tally(), new StampOfMany(), new Set<string>()];
  let loose = "";
  for await (const { path: file, where, parts } of walk(path, tally)) {
    const reason = elsewhere(layout, parts);
    if (reason !== undefined) {
      tally.add(reason, parts.join("/"));
      continue;
    }
    await stamp.add(file, parts.join("/"));
    const name = classOf(layout, parts);
    if (name === undefined) loose ||= where;
    else classes.add(name);
  }
  return { stamp, classes, loose, passedOver: tally.list() };
}

/** The images of the split, with their classes. */
async function* filesOf(
  path: string,
  layout: Layout | undefined,
  index?: ReadonlyMap<string, number>,
): AsyncGenerator<EntryFile> {
  for await (const { path: file, parts, fault } of walk(path)) {
    if (elsewhere(layout, parts) === undefined) yield { path: file, fault, label: index?.get(classOf(layout, parts)!) };
  }
}

/** Lists the content of a folder, for the message that nothing is read: "40 .heic: not read, 2 hidden". */
const present = (passedOver: readonly PassedOver[]) =>
  passedOver.map(({ reason, count }) => `${count} ${reason}`).join(", ") || "nothing else either";

/**
 * Any folder of images, with folders in it or not; with `labels: "folders"` each folder directly in it is a class.
 *
 * Where folders in it tell splits by their names, that of the split is read.
 *
 * @throws UsageError when there is no such folder or split, no image in it, or an image in no class.
 */
export async function openFolder(options: SourceOptions): Promise<Source> {
  const { path, split, labels = "none" } = options;
  if (!(await statOf(path)).isDirectory()) {
    throw new UsageError(`${path} is not a folder`, "name the folder of the images with --from");
  }
  const layout = await layoutOf(path, split);
  const { stamp, classes, loose, passedOver } = await survey(path, layout);
  const length = stamp.count;
  if (length === 0) {
    const conversion = conversionOf(passedOver.flatMap(({ first }) => first));
    throw new UsageError(
      `${path}: no images found; passed over: ${present(passedOver)}`,
      [conversion, IMAGE_NAMES].filter(Boolean).join("; "),
    );
  }
  if (labels === "folders" && loose) {
    throw new UsageError(`${loose}: the file is not in a class folder`, "leave out --labels folders, or move the file");
  }
  const classNames = labels === "folders" ? [...classes].sort(byName) : undefined;
  const index = classNames && new Map(classNames.map((name, i) => [name, i]));
  return {
    format: "folder",
    split,
    length,
    classNames,
    classes: classNames?.length,
    files: [await stamp.end(path)],
    passedOver,
    entries: () => fileEntries(filesOf(path, layout, index), options),
  };
}
