import { UsageError } from "../../base/errors.ts";
import { arrayEntries, arrayFile, otherArrays } from "./arrays.ts";
import { BadDataError, badEntry, openEach, readable } from "./bad-data.ts";
import { besides } from "./besides.ts";
import { NONE } from "./cell.ts";
import { findFiles } from "./find-files.ts";
import { openImageNetArchive } from "./imagenet-archive.ts";
import type { SourceOptions } from "./options.ts";
import type { PublishedFiles } from "./published.ts";
import { pixelsOf, type SourceEntry, type Shape, type Source } from "./source.ts";
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

/**
 * The archives of the old version. Of the npz batches of the new one no hashes are published, only of the zip files
 * that they come in.
 *
 * @see tensorflow/datasets, url_checksums/downsampled_imagenet.txt
 */
export const ARCHIVES: PublishedFiles = {
  "train_32x32.tar": {
    bytes: 4_113_018_880,
    sha256: "244a323d48f8d72f65ad8b54658c01fed68d2d7bdc77ccb43da58c11e94224e5",
  },
  "valid_32x32.tar": {
    bytes: 161_474_560,
    sha256: "862e559462b24cf736212a19f6b0d47b55c2dc8ebdaa95ccecfe71260124c8f7",
  },
  "train_64x64.tar": {
    bytes: 12_112_588_800,
    sha256: "e2a2c1947a748d0d256e98e6d82800d855441dc9e4de2e71a773f1324c4524d7",
  },
  "valid_64x64.tar": {
    bytes: 477_255_680,
    sha256: "eeac03ec4f585baf871d2b4cb9c974bfe345e74878a74e5820fe6eb1041629cd",
  },
};

/** Counts and archives as published; tests put their own here. */
export interface Release {
  readonly counts: Counts;
  readonly archives: PublishedFiles;
}

/** @throws UsageError unless it is "old" or "new". */
function requireVersion(version: string | undefined): Version {
  if (version === "old" || version === "new") return version;
  throw new UsageError(
    version === undefined
      ? "specify which downsampled ImageNet you mean; results on one cannot be compared with the other"
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
    is ? `use --version ${other}, or use the files of the ${version} version` : "put all files of the split there",
  );
}

/** Does not trust the name alone: the two versions come in different containers. */
function isBatch(name: string, split: string): boolean {
  return (split === "train" ? /train_data_batch_\d+\.npz$/ : /val_data\.npz$/).test(name);
}

/** The images of val_data.npz are the test split. */
const splitOfBatch = (name: string): string | undefined => ["train", "test"].find((split) => isBatch(name, split));

/**
 * ImageNet 32 x 32 or 64 x 64; the user must say which of the two versions.
 *
 * The number of images is checked where all files can be read.
 *
 * @throws UsageError when the version is not said, does not fit the container, or the number of images is wrong.
 */
export async function openImageNet(
  side: 32 | 64,
  options: SourceOptions,
  { counts, archives }: Release = { counts: COUNTS, archives: ARCHIVES },
): Promise<Source> {
  const version = requireVersion(options.version);
  const format = `imagenet${side}`;
  const shape: Shape = [side, side, 3];
  if (version === "old") {
    const check = (count: number, where: string) => checkCount(count, version, options.split, where, counts);
    return openImageNetArchive({ format, shape, check, archives, length: counts.old[options.split] }, options);
  }
  const { path, split } = options;
  const what = split === "train" ? "train_data_batch_1.npz and so on" : "val_data.npz";
  const remedy = "--version new is for the npz batches of 2017; the PNG archives are --version old";
  const paths = await findFiles(path, (name) => isBatch(name, split), `${what} of the npz release`, remedy);
  const unlabelled = options.labelColumn === NONE;
  const labelNames = unlabelled ? [] : ["labels"];
  const files = await openEach(
    paths,
    (name) => arrayFile(name, () => ({ images: ["data"], labels: labelNames })),
    options.skipBad,
  );
  const whole = readable(files);
  for (const { path: where, images, labels } of whole) {
    const { shape: found, type } = images.header;
    if (found.length !== 2 || found[1] !== pixelsOf(shape) || !type.endsWith("u1")) {
      throw new UsageError(
        `${where}: "data" is [${found.join(", ")}] of ${type}, expected bytes [N, ${pixelsOf(shape)}]`,
        `these are not batches of ImageNet ${side} x ${side}: use another --format or other files`,
      );
    }
    if (!labels && !unlabelled)
      throw new UsageError(`${where}: it has no array "labels"`, "take the npz batches as published");
  }
  const length = whole.reduce((sum, file) => sum + file.length, 0);
  if (whole.length === files.length) checkCount(length, version, split, path, counts);
  return {
    format,
    split,
    version,
    length,
    classes: CLASSES,
    files: await Promise.all(paths.map(stampOf)),
    passedOver: [...(await besides(path, paths, { split, splitOf: splitOfBatch })), ...otherArrays(whole)],
    async *entries() {
      const rows = { shape, planes: true, firstLabel: 1 };
      for (const file of files) {
        if (file instanceof BadDataError) yield badEntry(file);
        else yield* labelled(arrayEntries(file, rows, options));
      }
    },
  };
}

/** The release counts classes from 1. */
async function* labelled(entries: AsyncIterable<SourceEntry>): AsyncGenerator<SourceEntry> {
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
