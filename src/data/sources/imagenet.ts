import { UsageError } from "../../errors.ts";
import { arrayEntries, arrayFile } from "./arrays.ts";
import { BadDataError } from "./bad-data.ts";
import { findFiles } from "./find-files.ts";
import { openImageNetArchive } from "./imagenet-archive.ts";
import type { SourceOptions } from "./options.ts";
import { pixelsOf, type Entry, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

const CLASSES = 1000;

/**
 * The two data sets that go by the name of downsampled ImageNet.
 *
 * They were downsampled by different methods, so bits/dim on one say nothing about the other.
 * "old": van den Oord et al. (2016), PNG archives, no labels, no longer published. "new": Chrabaszcz et al. (2017), npz
 * batches with labels, on image-net.org.
 */
export const COUNTS = {
  old: { train: 1_281_149, test: 49_999 },
  new: { train: 1_281_167, test: 50_000 },
} as const;

export type Version = keyof typeof COUNTS;
type Counts = Readonly<Record<Version, Readonly<Record<string, number>>>>;

/** @throws UsageError unless it is "old" or "new". */
function requireVersion(version: string | undefined): Version {
  if (version === "old" || version === "new") return version;
  throw new UsageError(
    version === undefined
      ? "two data sets are called downsampled ImageNet, and their bits/dim cannot be compared: say which"
      : `--version ${version}: there is no such version of downsampled ImageNet`,
    "--version old: PNG archives of 2016, 49,999 validation images; --version new: npz batches of 2017, 50,000",
  );
}

/** @throws UsageError when the number of images is that of the other version, or of neither. */
export function checkCount(count: number, version: Version, split: string, where: string, counts: Counts): void {
  const expected = counts[version][split];
  if (count === expected) return;
  const other: Version = version === "old" ? "new" : "old";
  const is = count === counts[other][split] ? `, which is the number of the ${other} version` : "";
  throw new UsageError(
    `${where}: ${count} images${is}; the ${version} version has ${expected} in split ${split}`,
    is ? `say --version ${other}, or take the files of the ${version} version` : "put all files of the split there",
  );
}

/** Does not trust the name alone: the two versions come in different containers. */
function isBatch(name: string, split: string): boolean {
  return (split === "train" ? /train_data_batch_\d+\.npz$/ : /val_data\.npz$/).test(name);
}

/**
 * ImageNet 32 x 32 or 64 x 64; the user must say which of the two versions.
 *
 * @throws UsageError when the version is not said, does not fit the container, or the number of images is wrong.
 */
export async function openImageNet(side: 32 | 64, options: SourceOptions, counts: Counts = COUNTS): Promise<Source> {
  const version = requireVersion(options.version);
  const format = `imagenet${side}`;
  const shape: Shape = [side, side, 3];
  if (version === "old") {
    const check = (count: number, where: string) => checkCount(count, version, options.split, where, counts);
    return openImageNetArchive({ format, shape, check, length: counts.old[options.split] }, options);
  }
  const { path, split } = options;
  const what = split === "train" ? "train_data_batch_1.npz and so on" : "val_data.npz";
  const paths = await findFiles(path, (name) => isBatch(name, split), `${what} of the npz release`);
  const files = await Promise.all(paths.map((name) => arrayFile(name, ["data"], ["labels"])));
  for (const { path: where, images, labels } of files) {
    const { shape: found, type } = images.header;
    if (found.length !== 2 || found[1] !== pixelsOf(shape) || !type.endsWith("u1")) {
      throw new UsageError(
        `${where}: "data" is [${found.join(", ")}] of ${type}, expected bytes [N, ${pixelsOf(shape)}]`,
        `these are no batches of ImageNet ${side} x ${side}: take another --format or other files`,
      );
    }
    if (!labels) throw new UsageError(`${where}: it has no array "labels"`, "take the npz batches as published");
  }
  const length = files.reduce((sum, file) => sum + file.length, 0);
  checkCount(length, version, split, path, counts);
  return {
    format,
    split,
    version,
    length,
    classes: CLASSES,
    files: await Promise.all(paths.map(stampOf)),
    async *entries() {
      const rows = { shape, planes: true, firstLabel: 1 };
      for (const file of files) yield* labelled(arrayEntries(file, rows, options));
    },
  };
}

/** The release counts classes from 1. */
async function* labelled(entries: AsyncIterable<Entry>): AsyncGenerator<Entry> {
  for await (const entry of entries) {
    const { label, name } = entry;
    if (label === undefined || (label >= 0 && label < CLASSES)) yield entry;
    else {
      const load = () => {
        throw new BadDataError(name, `its label is ${label + 1}, expected 1 to ${CLASSES}`);
      };
      yield { name, load };
    }
  }
}
