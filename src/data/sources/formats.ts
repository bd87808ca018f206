import { statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { OnProgress } from "../dataset.ts";
import { openArrays, splitsOfArrays } from "./arrays.ts";
import { BadDataError, badEntry } from "./bad-data.ts";
import { openCelebA } from "./celeba.ts";
import { openCifar10 } from "./cifar10.ts";
import { FILE_NAMES } from "./file-names.ts";
import { splitsOfFiles } from "./find-files.ts";
import { openFolder, splitsOfFolder } from "./folder.ts";
import { openMnist } from "./idx.ts";
import { openImageNet } from "./imagenet.ts";
import type { SourceOptions } from "./options.ts";
import type { Source } from "./source.ts";
import { canonicalSplit, splitOfFile } from "./splits.ts";
import { openSvhn } from "./svhn.ts";
import { openTfRecords } from "./tfrecords.ts";
import { openWebDataset } from "./webdataset.ts";

/** Settings of the machine that are needed to open a source. */
export interface Surroundings {
  /** Folder in which fetched data are kept. */
  readonly cacheDir: string;
  readonly onProgress: OnProgress;
  /** Aborted, it ends what is fetched. */
  readonly signal?: AbortSignal | undefined;
}

/** A request for a source; only CIFAR-10, which can be fetched, needs no path. */
export type WantedSource = Omit<SourceOptions, "path"> & { readonly path?: string | undefined };

/** A format of images that `prepare` reads. */
export interface Format {
  readonly name: string;
  readonly summary: string;
  /** Splits of the format; absent: the user may choose any names. */
  readonly splits?: readonly string[];
  readonly open: (options: WantedSource, surroundings: Surroundings) => Promise<Source>;
  /** Finds splits by the names of files and folders, for formats whose splits the user names. */
  readonly found?: (path: string) => Promise<string[]>;
  /**
   * Absolute path of the user's file that exports the format; absent for built-in formats, empty if it is not known.
   */
  file?: string;
}

/** A reader of the user's own files. */
const files =
  (open: (options: SourceOptions) => Promise<Source>): Format["open"] =>
  async (options) => {
    const { path } = options;
    if (path === undefined) throw new UsageError("no file or folder given", "name the data with --from");
    return open({ ...options, path });
  };

const foundIn = (format: keyof typeof FILE_NAMES) => (path: string) => splitsOfFiles(path, FILE_NAMES[format]);

const usual = ["train", "test"];

/** Readers with libraries of their own for decompression are loaded when asked for: every start would wait for them. */
const known: Format[] = [
  {
    name: "cifar10",
    summary: "CIFAR-10, binary version; downloaded if --from is omitted",
    splits: usual,
    open: (options, { cacheDir, ...how }) => openCifar10(options, join(cacheDir, "data"), how),
  },
  {
    name: "imagenet32",
    summary: "ImageNet 32 x 32, --version old (PNG archives) or new (npz batches)",
    splits: usual,
    open: files((options) => openImageNet(32, options)),
  },
  {
    name: "imagenet64",
    summary: "ImageNet 64 x 64, --version old or new",
    splits: usual,
    open: files((options) => openImageNet(64, options)),
  },
  {
    name: "mnist",
    summary: "MNIST, Fashion-MNIST, EMNIST: idx files, with or without .gz",
    splits: usual,
    open: files(openMnist),
  },
  {
    name: "svhn",
    summary: "SVHN, cropped digits: train_32x32.mat and so on",
    splits: [...usual, "extra"],
    open: files(openSvhn),
  },
  {
    name: "celeba",
    summary: "CelebA: img_align_celeba and list_eval_partition.txt",
    splits: ["train", "validation", "test"],
    open: files(openCelebA),
  },
  {
    name: "folder",
    summary: "any folder of png, jpg, webp, gif, tif or avif images, including LSUN and FFHQ",
    open: files(openFolder),
    found: splitsOfFolder,
  },
  {
    name: "tfrecords",
    summary: "TFRecord files, such as FFHQ, CelebA-HQ and LSUN",
    open: files(openTfRecords),
    found: foundIn("tfrecords"),
  },
  {
    name: "parquet",
    summary: "Parquet files of Hugging Face data sets",
    open: files(async (options) => (await import("./parquet.ts")).openParquet(options)),
    found: foundIn("parquet"),
  },
  {
    name: "arrays",
    summary: ".npy or .npz files, [N, H, W, C]",
    open: files(openArrays),
    found: splitsOfArrays,
  },
  {
    name: "webdataset",
    summary: "WebDataset: .tar files of KEY.jpg and KEY.cls",
    open: files(openWebDataset),
    found: foundIn("webdataset"),
  },
  {
    name: "arrow",
    summary: "Arrow IPC files and streams",
    open: files(async (options) => (await import("./arrow.ts")).openArrow(options)),
    found: foundIn("arrow"),
  },
];

/** All formats; registered ones come last. */
export const formats: readonly Format[] = known;

/** A user-defined format: its entry in the list, and its reader. */
export interface OwnFormat extends Omit<Format, "open" | "file"> {
  /** Opens the images of a split; entries are read on demand. */
  readonly open: (options: SourceOptions) => Promise<Source>;
}

/**
 * Adds a format of images. From then on, `openSource` and `prepare` know it by its name.
 *
 * On the command line, use the file that registers the format, and exports it as its default, in place of the name:
 * `npm run data -- prepare --format ./mine.ts --from DATA --out data/mine`.
 *
 * ```ts
 * export default registerFormat({
 *   name: "noise",
 *   summary: "grey noise, 8 x 8",
 *   open: async ({ path, split }) => ({
 *     ...{ format: "noise", split, files: [await stampOf(path)] },
 *     async *entries() {
 *       yield { name: `${path}: image 0`, load: () => ({ data: new Uint8Array(64), shape: [8, 8, 1] }) };
 *     },
 *   }),
 * });
 * ```
 *
 * @returns The format.
 * @throws RangeError when the name is taken, or has characters other than letters, digits, "-" and "_".
 */
export function registerFormat(own: OwnFormat): Format {
  const { name } = own;
  if (!/^[\w-]+$/.test(name))
    throw new RangeError(`registerFormat: "${name}" is no name; use letters, digits, - and _`);
  if (known.some((format) => format.name === name)) {
    throw new RangeError(`registerFormat: there is a format "${name}" already; give yours another name`);
  }
  const format: Format = { ...own, open: files(own.open), file: "" };
  known.push(format);
  return format;
}

/** Returns the format of this name. @throws UsageError when there is none. */
export function requireFormat(name: string): Format {
  const found = formats.find((format) => format.name === name);
  if (found) return found;
  const names = formats.map((format) => format.name).join(", ");
  throw new UsageError(`--format ${name}: there is no such format`, `use one of ${names}`);
}

/** Returns all splits but "extra"; for a file, only the split in its name. */
function ownSplits(splits: readonly string[], path = ""): readonly string[] {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  // A folder may have the names of several splits in its own.
  const told = isFile ? splitOfFile(basename(path)) : undefined;
  return told && splits.includes(told) ? [told] : splits.filter((split) => split !== "extra");
}

/** Returns the splits to prepare when none is requested: those found by name, or else all images as "train". */
export async function splitsFound(name: string, path: string | undefined): Promise<readonly string[]> {
  const { splits, found } = requireFormat(name);
  if (splits) return ownSplits(splits, path);
  const told = path === undefined || !found ? [] : await found(path);
  return told.length > 0 ? told : ["train"];
}

/** Opens the images of one split. @throws UsageError when the format has no such split; errors of its reader. */
export async function openSource(name: string, options: WantedSource, surroundings: Surroundings): Promise<Source> {
  const { splits, open, file } = requireFormat(name);
  const { split: asked } = options;
  const split = splits ? canonicalSplit(asked) : asked;
  if (splits && !splits.includes(split)) {
    throw new UsageError(`--split ${asked}: ${name} has no such split`, `use one of ${splits.join(", ")}`);
  }
  try {
    const source = { ...(await open({ ...options, split }, surroundings)), formatFile: file };
    return options.path === undefined ? source : { ...source, from: resolve(options.path) };
  } catch (error) {
    if (!options.skipBad || !(error instanceof BadDataError)) throw error;
    const fault = new BadDataError(error.where, error.reason, { whole: true, cause: error });
    return { format: name, split, files: [], entries: () => only(badEntry(fault)) };
  }
}

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value;
}
