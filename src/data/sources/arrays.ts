import { basename } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntry, badEntryOf, openEach, readable } from "./bad-data.ts";
import type { ByteReader } from "./byte-reader.ts";
import { arrayNames, splitsOfNames, type ArrayNames } from "./array-names.ts";
import { requireLabels } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import { shapeOfFlat, shapeRemedy } from "./flat-shape.ts";
import { FILE_NAMES } from "./file-names.ts";
import { findSplit, splitsOfFiles } from "./find-files.ts";
import { npyNumbers, sampleTypeOf, UnreadTypeError } from "./npy.ts";
import { checkLabelCount, listArrays, readLabels, requireArray, type ArrayMember, type StoredArray } from "./npz.ts";
import type { SourceOptions } from "./options.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import { fromPlanes } from "./planes.ts";
import { expectEnd, rows } from "./rows.ts";
import { toBytes } from "./samples.ts";
import { pixelsOf, shapeText, type FileStamp, type SourceEntry, type Shape, type Source } from "./source.ts";
import { splitsTold, withoutSplit } from "./splits.ts";
import { stampOf } from "./stamp.ts";

const WITHOUT_LABELS = "leave labels out with --label-column none, or use it to name an array of class numbers";

/** Images of one file. */
export interface ArrayFile {
  readonly path: string;
  readonly images: StoredArray;
  readonly labels?: StoredArray | undefined;
  /** Number of images. */
  readonly length: number;
  /** Names of arrays in the file that are neither. */
  readonly others: readonly string[];
}

/** The conversion of an array's rows to pictures. */
export interface Rows {
  readonly shape: Shape;
  readonly planes: boolean;
  /** The label of class 0. */
  readonly firstLabel: number;
}

/** Lengths of the axes; of rows of pixels, [N, D], with the shape that was asked for. */
function axesOf({ header }: StoredArray, asked: readonly number[] | undefined): readonly number[] {
  const [length = 0, width = 0, ...more] = header.shape;
  const shape = header.shape.length === 2 && more.length === 0 ? shapeOfFlat(width, asked) : undefined;
  return shape ? [length, ...shape] : header.shape;
}

/** How an array that is none of images becomes one. */
function axesRemedy([first = 0, second = 0, third = 0, last]: readonly number[]): string {
  if (last === 4) return "save the colours without alpha: images[..., :3]";
  if (second === 1 || second === 3) return "use --layout chw for [N, C, H, W]";
  if (third === 1 || third === 3) return "put the images first: numpy.transpose(images, (3, 0, 1, 2))";
  return `save them as [N, H, W, C]; with one image of ${first} rows, N is 1`;
}

/** [N, H, W], [N, H, W, C] or [N, C, H, W]. @throws UsageError when it is none, or one image without N. */
function imageShape(path: string, axes: readonly number[], layout: "hwc" | "chw" | undefined): Shape {
  const [, a = 0, b = 0, c] = axes;
  const shape: Shape = c === undefined ? [a, b, 1] : layout === "chw" ? [b, c, a] : [a, b, c];
  const fits = [3, 4].includes(axes.length) && (shape[2] === 1 || shape[2] === 3) && pixelsOf(shape) > 0;
  if (!fits) {
    throw new UsageError(
      `${path}: ${shapeText(axes)} is not a shape of images; expected [N, H, W] or [N, H, W, C] with 1 or 3 channels`,
      axes.length === 2 ? shapeRemedy(a) : axesRemedy(axes),
    );
  }
  if (c === undefined && (b === 3 || b === 4) && a > b) {
    throw new UsageError(
      `${path}: ${shapeText(axes)} looks like one image of ${b} channels, and not like grey images ${b} pixels wide`,
      "save one image as image[None], [1, H, W, C]; save grey images that narrow as [N, H, W, 1]",
    );
  }
  return shape;
}

/** Says that a fault loses so many images. */
const losing = (lost: number) => (error: unknown) => {
  if (!(error instanceof BadDataError)) throw error;
  throw new BadDataError(error.where, error.reason, { lost, cause: error });
};

/** The entries of one file, rows as described. */
export async function* arrayEntries(file: ArrayFile, how: Rows, options: SourceOptions): AsyncGenerator<SourceEntry> {
  const { path, images, length } = file;
  let reader: ByteReader | undefined;
  try {
    const labels = file.labels && (await readLabels(path, file.labels, length, how.firstLabel).catch(losing(length)));
    reader = await images.open();
    let i = 0;
    const { shape, planes } = how;
    const { header } = images;
    for await (const row of rows(reader, pixelsOf(shape) * header.width, length)) {
      const name = `${path}: image ${i}`;
      const load = () => {
        const data = toBytes(name, npyNumbers(row, header), sampleTypeOf(header), options.range);
        return fitPicture({ data: planes ? fromPlanes(data, shape) : data, shape }, name, {
          ...options,
          range: undefined,
        });
      };
      yield { name, label: labels?.[i], load };
      i++;
    }
    await expectEnd(reader);
  } catch (error) {
    yield badEntryOf(error);
  } finally {
    await reader?.close();
  }
}

/** @throws UsageError when labels are no numbers, or several for each image. */
async function readableLabels(path: string, array: ArrayMember | undefined): Promise<StoredArray | undefined> {
  if (!array) return undefined;
  const refuse = (reason: string) => new UsageError(`${path}: ${array.name}: ${reason}`, WITHOUT_LABELS);
  const labels = await array.read().catch((error: unknown) => {
    throw error instanceof UnreadTypeError ? refuse(`the labels are of type ${error.type}, not integers`) : error;
  });
  const [, ...axes] = labels.header.shape;
  if (axes.every((length) => length === 1)) return labels;
  throw refuse(`its shape is ${shapeText(labels.header.shape)}, expected one label for each image`);
}

/** The images, and the labels if any, of one .npy or .npz file. @throws UsageError, BadDataError */
export async function arrayFile(path: string, namesOf: (present: readonly string[]) => ArrayNames): Promise<ArrayFile> {
  const arrays = await listArrays(path);
  const names = namesOf(arrays.map(({ name }) => name));
  const images = await requireArray(path, arrays, names.images);
  const labels = await readableLabels(path, arrays.find(({ name }) => names.labels.includes(name))); // prettier-ignore
  const length = images.header.shape[0] ?? 0;
  if (labels) checkLabelCount(path, labels.header.shape[0] ?? 0, length);
  const others = arrays.map(({ name }) => name).filter((name) => name !== images.name && name !== labels?.name);
  return { path, images, labels, length, others };
}

/** Lists the arrays of the files that are neither images nor labels. */
export function otherArrays(files: readonly ArrayFile[]): PassedOver[] {
  const tally = new Tally();
  for (const { path, others } of files) {
    for (const name of others) tally.add("other array: not read", `${basename(path)}: ${name}`);
  }
  return tally.list();
}

/** Like {@link arrayFile}, by the names that were asked for. @throws UsageError when there are none such. */
async function namedArrays(path: string, options: SourceOptions): Promise<ArrayFile> {
  const file = await arrayFile(path, (present) => arrayNames(path, present, options));
  requireLabels(path, options.labelColumn, file.labels !== undefined, [file.images.name, ...file.others]);
  return file;
}

/** The stamp of a file, with the name of the array where that tells the split. */
async function arrayStamp(path: string, file: ArrayFile | BadDataError): Promise<FileStamp> {
  const stamp = await stampOf(path);
  if (file instanceof BadDataError || withoutSplit(file.images.name).split === undefined) return stamp;
  return { ...stamp, part: file.images.name };
}

/** The splits that names tell at `path`: of files, else of the arrays in them. */
export async function splitsOfArrays(path: string): Promise<string[]> {
  const told = await splitsOfFiles(path, FILE_NAMES.arrays);
  if (told.length > 0) return told;
  const { paths } = await findSplit({ path, split: "train", skipBad: true }, FILE_NAMES.arrays, ".npy or .npz files");
  const files = await openEach(paths, listArrays, true);
  return splitsTold(readable(files).flatMap((arrays) => splitsOfNames(arrays.map(({ name }) => name)).map((split) => ({ split })))); // prettier-ignore
}

/**
 * Images in .npy files, or in .npz files as "images" or "arr_0" with integer labels as "labels" or "arr_1".
 *
 * @throws UsageError when they are no images, or the labels are not as many.
 */
export async function openArrays(options: SourceOptions): Promise<Source> {
  const { split, layout, shape: asked } = options;
  const { paths, faults, passedOver } = await findSplit(options, FILE_NAMES.arrays, ".npy or .npz files");
  const files = await openEach(paths, (name) => namedArrays(name, options), options.skipBad);
  const shapes = new Map(
    readable(files).map((file) => [file, imageShape(file.path, axesOf(file.images, asked), layout)]),
  );
  const describe = { format: "arrays", split, length: readable(files).reduce((sum, file) => sum + file.length, 0) };
  return {
    ...describe,
    files: await Promise.all(paths.map((path, i) => arrayStamp(path, files[i]!))),
    passedOver: [...passedOver, ...otherArrays(readable(files))],
    async *entries() {
      for (const file of [...files, ...faults]) {
        if (file instanceof BadDataError) yield badEntry(file);
        else {
          const planes = layout === "chw" && axesOf(file.images, asked).length === 4;
          yield* arrayEntries(file, { shape: shapes.get(file)!, planes, firstLabel: 0 }, options);
        }
      }
    },
  };
}
