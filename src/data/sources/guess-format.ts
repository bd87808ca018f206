import { existsSync, readdirSync, statSync, type Dirent } from "node:fs";
import { basename, join } from "node:path";
import { FILE_NAMES } from "./file-names.ts";

/** Names of files that tell a format, the more particular first. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/^(train_data_batch_\d+|val_data)\.npz$/, "imagenet32 --version new"],
  [/^(train|valid)_32x32(\.tar)?$|^downsampled_imagenet-/, "imagenet32 --version old"],
  [/^(train|valid)_64x64(\.tar)?$/, "imagenet64 --version old"],
  [/^emnist-.*-idx[13]-ubyte(\.gz)?$/, "mnist --transpose"],
  [/idx[13]-ubyte(\.gz)?$/, "mnist"],
  [/^(train|test|extra)_32x32\.mat$/, "svhn"],
  [/^(img_align_celeba|list_eval_partition\.(txt|csv))$/, "celeba --size 64"],
  [/^(data_batch_\d|test_batch)\.bin$|^cifar-10-b/, "cifar10"],
  [FILE_NAMES.parquet, "parquet"],
  [FILE_NAMES.tfrecords, "tfrecords"],
  [FILE_NAMES.webdataset, "webdataset"],
  [FILE_NAMES.arrays, "arrays"],
  [FILE_NAMES.arrow, "arrow"],
];

/** Folders in folders that are looked into, and how many at most: "data/train" of a hub folder. */
const [DEPTH, FOLDERS] = [3, 64];

const formatOf = (names: readonly string[]) =>
  SIGNS.find(([sign]) => names.some((name) => !name.startsWith(".") && sign.test(name)))?.[1];

/** Entries of a folder; none where it cannot be read, or its name is no UTF-8: it does not help to guess. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Guesses the format from the files nearest to the top. */
function formatIn(path: string): string | undefined {
  let level = [path];
  for (let depth = 0; depth <= DEPTH && level.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      const entries = entriesOf(folder);
      const found = formatOf(entries.map(({ name }) => name));
      if (found !== undefined) return found;
      const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
      below.push(...folders.map(({ name }) => join(folder, name)));
    }
    level = below.sort().slice(0, FOLDERS);
  }
  return undefined;
}

/**
 * The format that the names of files suggest, with the options it needs, as on the command line of `prepare`; any other
 * is taken for a folder of images. Undefined: nothing is there.
 */
export function guessFormat(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const found = statSync(path).isDirectory() ? formatIn(path) : formatOf([basename(path)]);
  return found ?? "folder --size 32";
}
