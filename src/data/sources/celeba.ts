import { createReadStream, existsSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UsageError } from "../../base/errors.ts";
import { besides } from "./besides.ts";
import { fileEntries, type EntryFile } from "./file-entries.ts";
import type { SourceOptions } from "./options.ts";
import { Tally } from "./passed-over.ts";
import type { Source } from "./source.ts";
import { stampOf } from "./stamp.ts";
import { StampOfMany } from "./walk.ts";

const PARTITION = "list_eval_partition.txt";
const FOLDER = "img_align_celeba";
/**
 * First as on Kaggle, with commas and the folder twice; then as published. Kaggle also puts a file into a folder of its
 * name.
 */
const PARTITIONS = ["list_eval_partition.csv", PARTITION].flatMap((name) => [name, join(name, name)]);
const FOLDERS = [join(FOLDER, FOLDER), FOLDER];
const SPLITS: Readonly<Record<string, string>> = { train: "0", validation: "1", test: "2" };

/** File names with their splits, from the lines "000001.jpg 0" or "000001.jpg,0" of the partition. */
async function* partitionLines(partition: string): AsyncGenerator<readonly [name: string, split: string]> {
  const input = createReadStream(partition);
  try {
    for await (const line of createInterface({ input })) {
      const [name, part] = line.trim().split(/[\s,]+/);
      const split = Object.keys(SPLITS).find((one) => SPLITS[one] === part);
      if (name && split !== undefined && !/[/\\]/.test(name)) yield [name, split];
    }
  } finally {
    input.destroy();
  }
}

/** File names of a split. */
async function* namesOf(partition: string, split: string): AsyncGenerator<string> {
  for await (const [name, told] of partitionLines(partition)) if (told === split) yield name;
}

/** The first that is there, and is of this kind. @throws UsageError when none is. */
function oneOf(path: string, names: readonly string[], missing: string, isKind: (found: Stats) => boolean): string {
  const found = names.map((name) => join(path, name)).find((name) => existsSync(name) && isKind(statSync(name)));
  if (found) return found;
  throw new UsageError(
    `${join(path, missing)} is missing`,
    `put ${FOLDER} and ${PARTITION} of the data set into one folder`,
  );
}

async function* filesOf(partition: string, folder: string, split: string): AsyncGenerator<EntryFile> {
  for await (const name of namesOf(partition, split)) yield { path: join(folder, name) };
}

/**
 * CelebA as its authors publish it: the folder img_align_celeba beside list_eval_partition.txt.
 *
 * The reference crops 140 x 140 pixels, resizes them linearly, and evaluates on the split "validation".
 *
 * @throws UsageError when the folder or the partition is missing.
 * @see Liu et al., Deep Learning Face Attributes in the Wild (2015).
 */
export async function openCelebA(options: SourceOptions): Promise<Source> {
  const { path, split } = options;
  const partition = oneOf(path, PARTITIONS, PARTITION, (found) => found.isFile());
  const folder = oneOf(path, FOLDERS, FOLDER, (found) => found.isDirectory());
  const how = { ...options, crop: options.crop ?? 140, filter: options.filter ?? "linear" } as const;
  const stamp = new StampOfMany();
  const tally = new Tally();
  for await (const [name, told] of partitionLines(partition)) {
    if (told === split) await stamp.add(join(folder, name), name);
    else tally.add(`of split ${told}`, name);
  }
  return {
    format: "celeba",
    split,
    length: stamp.count,
    files: [await stampOf(partition), await stamp.end(folder)],
    passedOver: [...tally.list(), ...(await besides(path, [partition, folder], { split, splitOf: () => undefined }))],
    entries: () => fileEntries(filesOf(partition, folder, split), how),
  };
}
