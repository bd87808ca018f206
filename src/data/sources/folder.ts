import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError } from "./bad-data.ts";
import { decodeImage } from "./decode-image.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import type { ImageOptions, SourceOptions } from "./options.ts";
import type { SourceEntry, Source } from "./source.ts";
import { statOf } from "./stamp.ts";

const IMAGE = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** By code unit, the same on every machine. */
const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Image files below a folder: those of a folder by name, then its folders by name. Hidden ones are passed over.
 *
 * Links to files count as files; links to folders are not followed, for they may lead round in circles.
 */
export async function* walk(folder: string): AsyncGenerator<string> {
  const found = await readdir(folder, { withFileTypes: true });
  const visible = found.filter(({ name }) => !name.startsWith("."));
  const names = visible.filter((entry) => !entry.isDirectory() && IMAGE.test(entry.name)).map(({ name }) => name);
  for (const name of names.sort(byName)) yield join(folder, name);
  const folders = visible.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of folders.sort(byName)) yield* walk(join(folder, name));
}

/** How many values there are. */
export async function countRemaining(values: AsyncIterator<unknown>): Promise<number> {
  let count = 0;
  while (!(await values.next()).done) count++;
  return count;
}

/** Decodes an image file. @throws BadDataError */
export async function loadFile(path: string, options: ImageOptions) {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new BadDataError(path, `${size} bytes are too many for an image`);
  return decodeImage(await readFile(path), path, options);
}

/** The images below a folder as entries; `labelOf` gives the class of a path. */
export async function* folderEntries(
  folder: string,
  options: ImageOptions,
  labelOf: (path: string) => number | undefined = () => undefined,
): AsyncGenerator<SourceEntry> {
  for await (const path of walk(folder)) {
    const label = labelOf(path);
    yield { name: path, ...(label === undefined ? {} : { label }), load: () => loadFile(path, options) };
  }
}

/** First folder of a path below `folder`; undefined for a file directly in it. */
function classOf(folder: string, path: string): string | undefined {
  const parts = relative(folder, path).split(sep);
  return parts.length > 1 ? parts[0] : undefined;
}

/** The folder of the split in `path` where there is one, else `path`. @throws UsageError when it is no folder. */
async function folderOf(path: string, split: string): Promise<string> {
  if (!(await statOf(path)).isDirectory()) {
    throw new UsageError(`${path} is not a folder`, "say with --from which folder has the images");
  }
  const own = join(path, split);
  return existsSync(own) && (await stat(own)).isDirectory() ? own : path;
}

/**
 * Any folder of images, with folders in it or not; with `labels: "folders"` each folder directly in it is a class.
 *
 * Where a folder of the split's name is in it, that one is read.
 *
 * @throws UsageError when there is no such folder, no image in it, or an image in no class.
 */
export async function openFolder(options: SourceOptions): Promise<Source> {
  const { split, labels = "none" } = options;
  const path = await folderOf(options.path, split);
  const names = new Set<string>();
  let [length, loose] = [0, ""];
  for await (const file of walk(path)) {
    length++;
    const name = classOf(path, file);
    if (name === undefined) loose ||= file;
    else names.add(name);
  }
  if (length === 0) throw new UsageError(`${path}: no images in it`, "png, jpg, webp, gif, tif and avif are read");
  if (labels === "folders" && loose) {
    throw new UsageError(`${loose}: it is in no folder of a class`, "leave out --labels folders, or move the file");
  }
  const classNames = labels === "folders" ? [...names].sort(byName) : undefined;
  const index = new Map(classNames?.map((name, i) => [name, i]));
  return {
    format: "folder",
    split,
    length,
    classNames,
    classes: classNames?.length,
    files: [{ path: resolve(path), bytes: length, modified: 0 }],
    entries: () => folderEntries(path, options, classNames && ((file) => index.get(classOf(path, file)!))),
  };
}
