import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { ordinal } from "../../base/format.ts";
import type { ImageDataset, ImageSplits } from "../dataset.ts";
import { shapeText } from "../sources/source.ts";
import { namesOfSplit } from "../sources/splits.ts";
import { holdOut } from "./hold-out.ts";
import { hasManifest, leftText, type Manifest } from "./manifest.ts";
import { openShards } from "./open-shards.ts";

/** Folders that evaluation images may be in, in order of preference. */
const TEST = [...namesOfSplit("test"), ...namesOfSplit("validation")];
const TRAIN = namesOfSplit("train");

/** Data prepared for training and evaluation. */
export interface PreparedSplits extends ImageSplits {
  /** Manifest of the training images. */
  readonly manifest: Manifest;
  /** Manifest of the evaluation images; the same where these are held out. */
  readonly testManifest: Manifest;
  /** Notes for the user: images that are held out, or were left out. */
  readonly notes: readonly string[];
}

/** Folders of prepared splits in a folder. */
function splitsIn(directory: string): string[] {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return [];
  return readdirSync(directory).filter((name) => hasManifest(join(directory, name)));
}

/** True when `npm run data -- prepare` wrote into the folder, or into a folder of a split in it. */
export const isPrepared = (directory: string): boolean => hasManifest(directory) || splitsIn(directory).length > 0;

/** Finds the folder of the training images. @throws UsageError when only images of other splits were prepared. */
function trainingFolder(directory: string): string {
  if (hasManifest(directory)) return directory;
  const found = TRAIN.map((split) => join(directory, split)).find(hasManifest);
  if (found !== undefined) return found;
  const there = splitsIn(directory).sort();
  if (there.length === 0) return join(directory, "train");
  throw new UsageError(
    `${directory}: no training images were prepared, only ${there.join(", ")}`,
    `prepare --split train with the same options and --out ${directory}, or use --set data.path=${join(directory, there[0]!)} to train on those images`,
  );
}

/** Formats that any data may be in: their names say nothing of the data. */
const ANY = ["folder", "tfrecords", "parquet", "arrays", "arrow"];

/** "imagenet32-old" */
const kindOf = ({ work: { format, version } }: Manifest): string =>
  version === undefined ? format : `${format}-${version}`;

async function openSplit(directory: string, folder: string, split: string) {
  const shards = await openShards(folder);
  const { manifest, length, shape } = shards;
  const name = ANY.includes(manifest.work.format) ? basename(resolve(directory)) : kindOf(manifest);
  const hashes = manifest.shards.map(({ sha256 }) => sha256).join(" ");
  const images: ImageDataset = {
    ...{ name, split, length, shape },
    about: [name, ...leftOut(folder, manifest)].join("; "),
    digest: createHash("sha256").update(hashes).digest("hex"),
    gather: (indices) => shards.gather(indices),
    load: (indices) => shards.load(indices),
    close: () => shards.close(),
  };
  return { images, manifest };
}

/** @throws UsageError when the images are not of one kind. */
function requireAlike(directory: string, train: Manifest, test: Manifest): void {
  const [there, here] = [train, test].map((manifest) => `${kindOf(manifest)} of ${shapeText(manifest.shape)}`);
  if (there === here) return;
  throw new UsageError(
    `${directory}: the training images are ${there}, but those of ${test.work.split} are ${here}`,
    "prepare both splits with the same options into one folder",
  );
}

const leftOut = (directory: string, { work, skipped }: Manifest): string[] => {
  const left = leftText(skipped);
  return left ? [`${left} of ${work.split} left out when ${directory} was prepared; its manifest.json names them`] : [];
};

/**
 * Opens a folder that `npm run data -- prepare --out` named: training images in `train`, evaluation images in `test` or
 * `validation`. Without evaluation images, or in a folder of one split, every so manieth image is held out.
 *
 * @param testFraction How much is held out, in (0, 0.5].
 * @throws UsageError when the folder is not prepared, is damaged, or its splits are not of one kind.
 */
export async function openSplits(directory: string, testFraction: number): Promise<PreparedSplits> {
  const folder = trainingFolder(directory);
  const { images, manifest } = await openSplit(directory, folder, "train");
  const tests = folder === directory ? [] : TEST.map((split) => join(directory, split)).filter(hasManifest);
  if (tests[0] === undefined) {
    const { train, test, every } = holdOut(images, testFraction);
    const held = `${directory} has no test split: every ${ordinal(every)} image is held out for evaluation, ${test.length} of ${images.length}`;
    return { train, test, manifest, testManifest: manifest, notes: [held, ...leftOut(folder, manifest)] };
  }
  const { images: test, manifest: testManifest } = await openSplit(directory, tests[0], "test");
  requireAlike(directory, manifest, testManifest);
  const notes = [...leftOut(folder, manifest), ...leftOut(tests[0], testManifest)];
  return { train: images, test, manifest, testManifest, notes };
}
