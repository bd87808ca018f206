/** Image files below a folder, and what they are known by. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { BadDataError } from "./bad-data.ts";
import { IMAGE_ENDINGS } from "./file-names.ts";
import { notRead } from "./find-files.ts";
import { fileFault, listFolder, lookAt, lookAtFile, shownPath, type FilePath, type Listed } from "./listing.ts";
import { Tally } from "./passed-over.ts";
import type { FileStamp } from "./source.ts";

const IMAGE = new RegExp(`\\.(${IMAGE_ENDINGS})$`, "i");

/** Names that {@link walk} takes for images, for messages. */
export const IMAGE_NAMES = "png, jpg, jpeg, jpe, jfif, webp, gif, tif, tiff and avif are read";

/** Compares by code unit, the same on every machine. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** An image file, or what stands in the place of one. */
export interface ImageFile {
  readonly path: FilePath;
  /** Name for messages. */
  readonly where: string;
  /** Names of the folders from the root down to it, and its own. */
  readonly parts: readonly string[];
  readonly fault?: BadDataError;
}

/** The content of a folder, sorted. */
interface Content {
  readonly images: readonly (Listed & { readonly fault?: BadDataError })[];
  readonly folders: readonly (Listed & { readonly id?: string })[];
}

const idOf = ({ dev, ino }: { dev: number; ino: number }) => `${dev}:${ino}`;

/** @param around Folders on the way here: a link to one of them would lead round in circles. */
async function contentOf(folder: FilePath, around: readonly string[], tally: Tally): Promise<Content> {
  const images: (Listed & { readonly fault?: BadDataError })[] = [];
  const folders: (Listed & { readonly id?: string })[] = [];
  for (const entry of await listFolder(folder)) {
    const { name, path } = entry;
    const [hidden, image] = [name.startsWith("."), IMAGE.test(name)];
    // The target of a link is not known yet.
    const found = !hidden && entry.kind === "link" ? await lookAt(path) : undefined;
    if (hidden) tally.add("hidden", name);
    else if (entry.kind === "folder") folders.push(entry);
    else if (found && !(found instanceof BadDataError) && found.isDirectory()) {
      const id = idOf(found);
      if (around.includes(id)) tally.add("a link to a folder that contains it", name);
      else folders.push({ ...entry, id });
    } else if (image) {
      const regular = entry.kind === "file" || (entry.kind === "link" && found);
      const seen = regular && !(found instanceof BadDataError) && (found?.isFile() ?? true);
      const fault = () =>
        found instanceof BadDataError ? found : new BadDataError(shownPath(path), "it is not a regular file");
      images.push(seen ? entry : { ...entry, fault: fault() });
    } else tally.add(found instanceof BadDataError ? found.reason : notRead(name), name);
  }
  const sorted = <T extends Listed>(list: T[]) => list.sort((a, b) => byName(a.name, b.name));
  return { images: sorted(images), folders: sorted(folders) };
}

/**
 * Image files below a folder: those of a folder by name, then its folders by name. Links are followed, but not to a
 * folder around them. Hidden files are no data; nor is anything but a regular file.
 *
 * @param tally Told of what is passed over.
 */
export async function* walk(
  folder: FilePath,
  tally = new Tally(),
  parts: readonly string[] = [],
  around: readonly string[] = [],
): AsyncGenerator<ImageFile> {
  const at = shownPath(folder);
  let content: Content;
  let within: readonly string[];
  try {
    const self = await lookAt(folder, true);
    if (self instanceof BadDataError) throw self;
    within = [...around, idOf(self)];
    content = await contentOf(folder, within, tally);
  } catch (error) {
    yield { path: folder, where: at, parts, fault: fileFault(folder, error, true) };
    return;
  }
  for (const { path, name, fault } of content.images) {
    yield { path, where: shownPath(path), parts: [...parts, name], ...(fault ? { fault } : {}) };
  }
  for (const { path, name } of content.folders) yield* walk(path, tally, [...parts, name], within);
}

/** Files whose sizes and times are asked for at once. */
const AT_ONCE = 64;

/** Identifies many files by one stamp over names, sizes and times, so that a manifest does not grow with them. */
export class StampOfMany {
  readonly #hash = createHash("sha256");
  #waiting: { readonly name: string; readonly path: FilePath }[] = [];
  #count = 0;
  #bytes = 0;
  #modified = 0;

  get count(): number {
    return this.#count;
  }

  /** @param name Below the folder that is stamped. */
  async add(path: FilePath, name: string): Promise<void> {
    this.#count++;
    this.#waiting.push({ path, name });
    if (this.#waiting.length === AT_ONCE) await this.#flush();
  }

  async #flush(): Promise<void> {
    const files = this.#waiting;
    this.#waiting = [];
    const found = await Promise.all(files.map(({ path }) => lookAtFile(path)));
    for (const [i, look] of found.entries()) {
      const { name } = files[i]!;
      if (look instanceof BadDataError) {
        this.#hash.update(JSON.stringify([name, look.reason]));
        continue;
      }
      this.#hash.update(JSON.stringify([name, look.size, look.mtimeMs]));
      this.#bytes += look.size;
      this.#modified = Math.max(this.#modified, Math.round(look.mtimeMs));
    }
  }

  /** @param path The folder that all of them are in. */
  async end(path: string): Promise<FileStamp> {
    await this.#flush();
    const listing = this.#hash.digest("hex");
    return { path: resolve(path), bytes: this.#bytes, modified: this.#modified, images: this.#count, listing };
  }
}
