import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../../errors.ts";
import { decodeImage } from "./decode-image.ts";
import { countOf, folderEntries, walk } from "./folder.ts";
import type { SourceOptions } from "./options.ts";
import type { Entry, FileStamp, Shape, Source } from "./source.ts";
import { stampOf, statOf } from "./stamp.ts";
import { tarEntries } from "./tar.ts";

interface Described {
  readonly format: string;
  readonly shape: Shape;
  readonly length: number | undefined;
  /** Checks the number of images found. */
  readonly check: (count: number, where: string) => void;
}

/** The archive of a split, or the folder it was unpacked to. @throws UsageError when there is neither. */
async function locate(path: string, split: string, side: number): Promise<string> {
  const folder = `${split === "train" ? "train" : "valid"}_${side}x${side}`;
  if ((await statOf(path)).isFile()) return path;
  const found = [join(path, folder), join(path, `${folder}.tar`)].find((name) => existsSync(name));
  if (found) return found;
  throw new UsageError(
    `${path}: expected ${folder}.tar or the folder ${folder}`,
    "--version old is for the PNG archives of 2016; the npz batches are --version new",
  );
}

/** The old version of downsampled ImageNet: PNG files in `train_32x32.tar` and `valid_32x32.tar`, without labels. */
export async function openImageNetArchive(
  { format, shape, length, check }: Described,
  options: SourceOptions,
): Promise<Source> {
  const found = await locate(options.path, options.split, shape[0]);
  const isFolder = (await statOf(found)).isDirectory();
  const count = isFolder ? await countOf(walk(found)) : undefined;
  if (count !== undefined) check(count, found);
  const stamp: FileStamp =
    count === undefined ? await stampOf(found) : { path: resolve(found), bytes: count, modified: 0 };
  const { split, size, crop, channels } = options;
  const asIs = size === undefined && crop === undefined && channels !== 1;
  return {
    format,
    split,
    version: "old",
    length,
    shape: asIs ? shape : undefined,
    files: [stamp],
    async *entries() {
      if (isFolder) return yield* folderEntries(found, options);
      yield* counted(pngs(found, options), (number) => check(number, found));
    },
  };
}

/** Checks the number of images at the end: an archive has no directory to ask. */
async function* counted(entries: AsyncIterable<Entry>, check: (count: number) => void): AsyncGenerator<Entry> {
  let count = 0;
  for await (const entry of entries) {
    yield entry;
    count++;
  }
  check(count);
}

async function* pngs(path: string, options: SourceOptions): AsyncGenerator<Entry> {
  for await (const { name, read } of tarEntries(path, (file) => file.endsWith(".png"))) {
    yield { name, load: () => decodeImage(read(), name, options) };
  }
}
