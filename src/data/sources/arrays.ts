import { basename } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntry, badEntryOf, openEach, readable } from "./bad-data.ts";
import type { ByteReader } from "./byte-reader.ts";
import { namesOr, requireLabels } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import { shapeOfFlat, shapeRemedy } from "./flat-shape.ts";
import { FILE_NAMES } from "./file-names.ts";
import { findSplit } from "./find-files.ts";
import { npyNumbers, sampleTypeOf } from "./npy.ts";
import { checkLabelCount, listArrays, readLabels, requireArray, type StoredArray } from "./npz.ts";
import type { SourceOptions } from "./options.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import { fromPlanes } from "./planes.ts";
import { expectEnd, rows } from "./rows.ts";
import { toBytes } from "./samples.ts";
import { pixelsOf, shapeText, type SourceEntry, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

const IMAGES = ["images", "data", "x", "x_train", "arr_0", ""];
const LABELS = ["labels", "label", "y", "y_train", "arr_1"];

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

/** [N, H, W], [N, H, W, C] or [N, C, H, W]. */
function imageShape(path: string, axes: readonly number[], layout: "hwc" | "chw" | undefined): Shape {
  const [, a = 0, b = 0, c] = axes;
  const shape: Shape = c === undefined ? [a, b, 1] : layout === "chw" ? [b, c, a] : [a, b, c];
  const fits = [3, 4].includes(axes.length) && (shape[2] === 1 || shape[2] === 3) && pixelsOf(shape) > 0;
  if (fits) return shape;
  throw new UsageError(
    `${path}: ${shapeText(axes)} is not a shape of images; expected [N, H, W] or [N, H, W, C] with 1 or 3 channels`,
    axes.length === 2 ? shapeRemedy(a) : "use --layout chw for [N, C, H, W], or save them in another shape",
  );
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

/** The images, and the labels if any, of one .npy or .npz file. @throws UsageError, BadDataError */
export async function arrayFile(
  path: string,
  imageNames: readonly string[] = IMAGES,
  labelNames: readonly string[] = LABELS,
): Promise<ArrayFile> {
  const arrays = await listArrays(path);
  const images = await requireArray(path, arrays, imageNames);
  const labels = await arrays.find(({ name }) => labelNames.includes(name))?.read();
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
async function namedArrays(path: string, { imageColumn, labelColumn }: SourceOptions): Promise<ArrayFile> {
  const file = await arrayFile(path, namesOr(imageColumn, IMAGES), namesOr(labelColumn, LABELS));
  requireLabels(path, labelColumn, file.labels !== undefined, [file.images.name]);
  return file;
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
    files: await Promise.all(paths.map(stampOf)),
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
