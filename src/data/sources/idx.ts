import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntryOf } from "./bad-data.ts";
import { besides } from "./besides.ts";
import { NONE } from "./cell.ts";
import { ByteReader, fileBytes, isGzip } from "./byte-reader.ts";
import { fitPicture } from "./decode-image.ts";
import { MAX_LABELS } from "./limits.ts";
import { checkLabelCount } from "./npz.ts";
import type { SourceOptions } from "./options.ts";
import { expectEnd, rows } from "./rows.ts";
import { pixelsOf, type SourceEntry, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

const UINT8 = 8;
const PREFIX: Readonly<Record<string, string>> = { train: "train", test: "t10k" };

/** Finds the split by the file names of MNIST and EMNIST. */
const splitOfIdx = (name: string): string | undefined =>
  /(^|-)t(rain|est|10k)-(images|labels)/
    .exec(name)?.[2]
    ?.replace(/^rain$/, "train")
    .replace(/^est$|^10k$/, "test");

/** False also below a file, where `statSync` would throw. */
const isFile = (path: string) => existsSync(path) && statSync(path).isFile();

/** Classes of EMNIST's data sets; of "letters" the first is 1. */
const EMNIST: Readonly<Record<string, number>> = {
  byclass: 62,
  bymerge: 47,
  balanced: 47,
  letters: 27,
  digits: 10,
  mnist: 10,
};

/** Names of a file, with the ending that its kind has. */
function spellings(prefix: string, kind: "images" | "labels"): string[] {
  const [name, ending] = [`${prefix}-${kind}`, kind === "images" ? "idx3-ubyte" : "idx1-ubyte"];
  return [`${name}-${ending}.gz`, `${name}-${ending}`, `${name}.${ending}`, `${name}.${ending}.gz`];
}

/** The file of one of these names. On Kaggle each lies also, or only, in a folder of another spelling of its name. */
function findFile(folder: string, names: readonly string[]): string | undefined {
  const inside = names.flatMap((name) => names.map((file) => join(name, file)));
  return [...names, ...inside].map((name) => join(folder, name)).find(isFile);
}

/** Finds the one of EMNIST's data sets that is there. @throws UsageError when several are, and none is asked for. */
function emnistVersion(folder: string, split: string, asked: string | undefined): string | undefined {
  const there = Object.keys(EMNIST).filter((name) => findFile(folder, spellings(`emnist-${name}-${split}`, "images")));
  if (asked !== undefined) {
    if (there.includes(asked)) return asked;
    throw new UsageError(
      `${folder}: no emnist-${asked}-${split}-images-idx3-ubyte.gz, found ${there.join(", ") || "none of EMNIST"}`,
      there.length > 0
        ? `use --version ${there[0]}`
        : "put the files of EMNIST into one folder, and name it with --from",
    );
  }
  if (there.length < 2) return there[0];
  throw new UsageError(`${folder}: several data sets of EMNIST: ${there.join(", ")}`, `use --version ${there[0]}`);
}

/** The file of a split, by any name it is found under. @throws UsageError */
function locate(folder: string, prefix: string, kind: "images" | "labels"): string {
  const names = spellings(prefix, kind);
  const found = findFile(folder, names);
  if (found) return found;
  throw new UsageError(`${folder}: ${names[0]} is missing`, "put the four files of the data set into one folder");
}

/** Opens a file of bytes, [N, ...]; its header is two zeros, the type, the number of axes and their lengths. */
async function openIdx(path: string, axes: number): Promise<{ reader: ByteReader; shape: number[] }> {
  const reader = new ByteReader(fileBytes(path, { packed: await isGzip(path) }), path);
  const [zero, zero2, type, found] = await reader.take(4);
  if (zero !== 0 || zero2 !== 0 || type !== UINT8 || found !== axes) {
    await reader.close();
    throw new BadDataError(path, `not an idx file of bytes with ${axes} axes`);
  }
  const lengths = Buffer.from(await reader.take(4 * axes));
  return { reader, shape: Array.from({ length: axes }, (_, i) => lengths.readUInt32BE(4 * i)) };
}

/** [N] */
async function readIdxLabels(path: string, images: number): Promise<Uint8Array> {
  const { reader, shape } = await openIdx(path, 1);
  checkLabelCount(path, shape[0]!, images);
  if (shape[0]! > MAX_LABELS) throw new BadDataError(path, `${shape[0]} labels are too many`);
  const labels = await reader.take(shape[0]!);
  await expectEnd(reader);
  return labels;
}

/**
 * MNIST, Fashion-MNIST and others in the same files: 28 x 28 grey, `train-images-idx3-ubyte(.gz)` and so on; and EMNIST
 * under its own names, `emnist-letters-train-images-idx3-ubyte.gz`, as it is stored: transposed, letters from 1 on.
 *
 * @throws UsageError when a file is missing or the labels are not as many as the images.
 * @see LeCun et al., The MNIST database of handwritten digits; Cohen et al., EMNIST (2017).
 */
export async function openMnist(options: SourceOptions): Promise<Source> {
  const { path, split, labelColumn } = options;
  const version = emnistVersion(path, split, options.version);
  const prefix = version === undefined ? PREFIX[split]! : `emnist-${version}-${split}`;
  const imagePath = locate(path, prefix, "images");
  const labelPath = labelColumn === NONE ? undefined : locate(path, prefix, "labels");
  const { reader, shape } = await openIdx(imagePath, 3);
  await reader.close();
  const [length, height, width] = shape as [number, number, number];
  const labels = labelPath === undefined ? undefined : await readIdxLabels(labelPath, length);
  const used = [imagePath, ...(labelPath === undefined ? [] : [labelPath])];
  return {
    format: "mnist",
    split,
    version,
    length,
    classes: version === undefined ? 10 : EMNIST[version],
    files: await Promise.all(used.map(stampOf)),
    passedOver: await besides(path, used, { split, splitOf: splitOfIdx }),
    entries: () => idxEntries(imagePath, labels, [length, height, width], options),
  };
}

async function* idxEntries(
  path: string,
  labels: Uint8Array | undefined,
  [length, height, width]: Shape,
  options: SourceOptions,
): AsyncGenerator<SourceEntry> {
  const { reader } = await openIdx(path, 3);
  const shape: Shape = [height, width, 1];
  try {
    let i = 0;
    for await (const data of rows(reader, pixelsOf(shape), length)) {
      const name = `${path}: image ${i}`;
      yield { name, ...(labels ? { label: labels[i]! } : {}), load: () => fitPicture({ data, shape }, name, options) };
      i++;
    }
    await expectEnd(reader);
  } catch (error) {
    yield badEntryOf(error);
  } finally {
    await reader.close();
  }
}
