import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { badEntry } from "./bad-data.ts";
import { besides } from "./besides.ts";
import { decodeImage } from "./decode-image.ts";
import { notRead } from "./find-files.ts";
import { fileEntries } from "./file-entries.ts";
import { allRecordEntries, recordFiles } from "./imagenet-records.ts";
import type { SourceOptions } from "./options.ts";
import { differenceOf, type PublishedFiles } from "./published.ts";
import type { Shape, Source } from "./source.ts";
import { ofSplit, splitOfFile } from "./splits.ts";
import { stampOf, statOf } from "./stamp.ts";
import { tarEntries } from "./tar.ts";
import { Tally } from "./passed-over.ts";
import { StampOfMany, walk } from "./walk.ts";

interface Described {
  readonly format: string;
  readonly shape: Shape;
  readonly length: number | undefined;
  /** Checks the number of images found. */
  readonly check: (count: number, where: string) => void;
  readonly archives: PublishedFiles;
}

/** Finds the split of an archive; the test split here is ImageNet's validation images. */
const splitOfArchive = (name: string): string | undefined => {
  const told = /^(?:downsampled_imagenet-)?(train|valid)/.exec(name)?.[1];
  return told === "valid" ? "test" : told;
};

/** The archive of a split, or the folder it was unpacked to. @throws UsageError when there is neither. */
async function locate(path: string, split: string, side: number): Promise<string> {
  const folder = `${split === "train" ? "train" : "valid"}_${side}x${side}`;
  if (!(await statOf(path)).isDirectory()) {
    const told = splitOfFile(basename(path));
    // The test split here is ImageNet's validation images.
    ofSplit(path, [{ split: told === "validation" ? "test" : told }], split);
    return path;
  }
  const found = [join(path, folder), join(path, `${folder}.tar`)].find((name) => existsSync(name));
  if (found) return found;
  throw new UsageError(
    `${path}: expected ${folder}.tar, the folder ${folder}, or downsampled_imagenet-*.tfrecord-*`,
    "--version old is for the PNG archives of 2016; the npz batches are --version new",
  );
}

/**
 * The old version of downsampled ImageNet: PNG files in `train_32x32.tar` and `valid_32x32.tar`, or in what TensorFlow
 * Datasets made of them, without labels.
 */
export async function openImageNetArchive(
  { format, shape, length, check, archives }: Described,
  options: SourceOptions,
): Promise<Source> {
  const { path, split, size, crop, channels } = options;
  const asIs = size === undefined && crop === undefined && channels !== 1;
  const described = { format, split, version: "old", length, shape: asIs ? shape : undefined };
  const how = { split, splitOf: splitOfArchive };
  const records = await recordFiles(path, split);
  if (records.length > 0) {
    const files = await Promise.all(records.map(stampOf));
    const passedOver = await besides(path, records, how);
    return {
      ...described,
      files,
      passedOver,
      entries: () => allRecordEntries(records, options, (count) => check(count, path)),
    };
  }
  const found = await locate(path, split, shape[0]);
  const isFolder = (await statOf(found)).isDirectory();
  const [many, tally] = [new StampOfMany(), new Tally()];
  let inside = new Tally();
  const wanted = (file: string) => {
    if (file.endsWith(".png")) return true;
    inside.add(notRead(file), file);
    return false;
  };
  if (isFolder) {
    for await (const { path: file, parts } of walk(found, tally)) await many.add(file, parts.join("/"));
    check(many.count, found);
  }
  return {
    ...described,
    files: [isFolder ? await many.end(found) : await stampOf(found)],
    passedOver: [...tally.list(), ...(await besides(path, [found], how))],
    passedInside: () => inside.list(),
    async *entries() {
      if (isFolder) {
        yield* fileEntries(walk(found), options);
        return;
      }
      let count = 0;
      inside = new Tally();
      for await (const { name, read, last } of tarEntries(found, wanted)) {
        yield { name, load: () => decodeImage(read(), name, options) };
        if (last) return;
        count++;
      }
      // Checked at the end only: an archive has no directory to ask.
      check(count, found);
      const difference = await differenceOf(found, archives);
      if (difference) yield badEntry(difference);
    },
  };
}
