import { basename, join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntryOf } from "./bad-data.ts";
import { besides } from "./besides.ts";
import { NONE } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import { MAX_LABELS } from "./limits.ts";
import { readMat, type MatArray } from "./mat5.ts";
import { checkLabelCount } from "./npz.ts";
import type { SourceOptions } from "./options.ts";
import { fromColumns } from "./planes.ts";
import { expectEnd, rows } from "./rows.ts";
import { pixelsOf, shapeText, type SourceEntry, type Shape, type Source } from "./source.ts";
import { ofSplit, splitOfFile } from "./splits.ts";
import { stampOf, statOf } from "./stamp.ts";

/** [N], digit 0 as 0: the file has 10 for it. */
async function readDigits(path: string, { shape, kind, open }: MatArray, images: number): Promise<number[]> {
  const count = shape.reduce((a, b) => a * b, 1);
  checkLabelCount(path, count, images);
  if (count > MAX_LABELS) throw new BadDataError(path, `${count} labels are too many`);
  const reader = await open();
  const bytes = await reader.take(count * kind.width);
  await reader.close();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const value = kind.read(view, i * kind.width);
    return value === 10 ? 0 : value;
  });
}

/**
 * SVHN, format 2: cropped digits in train_32x32.mat, test_32x32.mat and extra_32x32.mat, X [32, 32, 3, N] and y [N, 1].
 *
 * @throws UsageError when the file is missing or has other arrays, or the labels are not as many as the images.
 * @see Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning (2011).
 */
export async function openSvhn(options: SourceOptions): Promise<Source> {
  const isFile = !(await statOf(options.path)).isDirectory();
  const path = isFile ? options.path : join(options.path, `${options.split}_32x32.mat`);
  if (isFile) ofSplit(path, [{ split: splitOfFile(basename(path)) }], options.split);
  const stamp = await stampOf(path);
  const arrays = await readMat(path);
  const unlabelled = options.labelColumn === NONE;
  const [images, labels] = ["X", "y"].map((name) => arrays.find((array) => array.name === name));
  const [height = 0, width = 0, channels = 0, length = 1] = images?.shape ?? [];
  if (!images || !(labels || unlabelled) || images.kind.width !== 1 || channels !== 3) {
    const found = arrays.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(", ") || "nothing";
    throw new UsageError(
      `${path}: expected X [32, 32, 3, N] of bytes and y [N, 1], found ${found}`,
      "take the cropped digits, format 2 of the data set",
    );
  }
  const digits = unlabelled ? undefined : await readDigits(path, labels!, length);
  return {
    format: "svhn",
    split: options.split,
    length,
    classes: 10,
    files: [stamp],
    passedOver: await besides(options.path, [path], options),
    entries: () => svhnEntries(path, { images, shape: [height, width, channels], length, digits }, options),
  };
}

interface Digits {
  readonly images: MatArray;
  readonly shape: Shape;
  /** Number of images. */
  readonly length: number;
  /** Labels, unless none are asked for. */
  readonly digits: readonly number[] | undefined;
}

async function* svhnEntries(
  path: string,
  { images, shape, length, digits }: Digits,
  options: SourceOptions,
): AsyncGenerator<SourceEntry> {
  const reader = await images.open();
  try {
    let i = 0;
    for await (const row of rows(reader, pixelsOf(shape), length)) {
      const name = `${path}: image ${i}`;
      const load = () => fitPicture({ data: fromColumns(row, shape), shape }, name, options);
      yield { name, ...(digits ? { label: digits[i]! } : {}), load };
      i++;
    }
    // Elements are filled up to 8 bytes.
    await reader.takeUpTo(-reader.position & 7);
    await expectEnd(reader);
  } catch (error) {
    yield badEntryOf(error);
  } finally {
    await reader.close();
  }
}
