import { statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntryOf } from "./bad-data.ts";
import { ByteReader, fileBytes } from "./byte-reader.ts";
import { fitPicture } from "./decode-image.ts";
import { MAX_LABELS } from "./limits.ts";
import { checkLabelCount } from "./npz.ts";
import type { SourceOptions } from "./options.ts";
import { expectEnd, rows } from "./rows.ts";
import { pixelsOf, type SourceEntry, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

const UINT8 = 8;
const PREFIX: Readonly<Record<string, string>> = { train: "train", test: "t10k" };

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The file of a split, by any name it is found under. @throws UsageError */
function locate(folder: string, split: string, kind: "images" | "labels"): string {
  const prefix = `${PREFIX[split]}-${kind}`;
  const ending = kind === "images" ? "idx3-ubyte" : "idx1-ubyte";
  const names = [`${prefix}-${ending}.gz`, `${prefix}-${ending}`, `${prefix}.${ending}`, `${prefix}.${ending}.gz`];
  // On Kaggle each file lies also, or only, in a folder of the name that another spelling gives it.
  const inside = names.flatMap((name) => names.map((file) => join(name, file)));
  const found = [...names, ...inside].map((name) => join(folder, name)).find(isFile);
  if (found) return found;
  throw new UsageError(`${folder}: ${names[0]} is missing`, "put the four files of the data set into one folder");
}

/** Opens a file of bytes, [N, ...]; its header is two zeros, the type, the number of axes and their lengths. */
async function openIdx(path: string, axes: number): Promise<{ reader: ByteReader; shape: number[] }> {
  const reader = new ByteReader(fileBytes(path), path);
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
 * MNIST, Fashion-MNIST and others in the same files: 28 x 28 grey, `train-images-idx3-ubyte(.gz)` and so on.
 *
 * @throws UsageError when a file is missing or the labels are not as many as the images.
 * @see LeCun et al., The MNIST database of handwritten digits.
 */
export async function openMnist(options: SourceOptions): Promise<Source> {
  const { path, split } = options;
  const [imagePath, labelPath] = [locate(path, split, "images"), locate(path, split, "labels")];
  const { reader, shape } = await openIdx(imagePath, 3);
  await reader.close();
  const [length, height, width] = shape as [number, number, number];
  const labels = await readIdxLabels(labelPath, length);
  const native: Shape = [height, width, 1];
  return {
    format: "mnist",
    split,
    length,
    classes: 10,
    files: [await stampOf(imagePath), await stampOf(labelPath)],
    entries: () => idxEntries(imagePath, labels, native, options),
  };
}

async function* idxEntries(
  path: string,
  labels: Uint8Array,
  shape: Shape,
  options: SourceOptions,
): AsyncGenerator<SourceEntry> {
  const { reader } = await openIdx(path, 3);
  try {
    let i = 0;
    for await (const data of rows(reader, pixelsOf(shape), labels.length)) {
      const name = `${path}: image ${i}`;
      yield { name, label: labels[i], load: () => fitPicture({ data, shape }, name, options) };
      i++;
    }
    await expectEnd(reader);
  } catch (error) {
    yield badEntryOf(error);
  } finally {
    await reader.close();
  }
}
