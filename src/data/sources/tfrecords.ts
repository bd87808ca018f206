import { basename } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntry } from "./bad-data.ts";
import { bytesPicture, labelOf, namesOr } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import { FILE_NAMES } from "./file-names.ts";
import { findSplit } from "./find-files.ts";
import type { SourceOptions } from "./options.ts";
import { fromPlanes } from "./planes.ts";
import { pixelsOf, shapeText, type SourceEntry, type Picture, type Shape, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";
import { declaredRecords } from "./record-counts.ts";
import { parseExample, type Feature } from "./tf-example.ts";
import { tfRecords } from "./tfrecord.ts";

type Features = ReadonlyMap<string, Feature>;

/** Features that hold a PNG or JPEG. */
const ENCODED = ["image", "image/encoded"];

const bytesOf = (features: Features, names: readonly string[]): Uint8Array | undefined =>
  names.map((name) => features.get(name)?.[0]).find((value) => value instanceof Uint8Array);

/** The class, of the first of these features that has a value. @throws UsageError when it is no integer. */
function classOf(where: string, features: Features, names: readonly string[]) {
  const values = names.map((name) => features.get(name) ?? []).find(({ length }) => length > 0) ?? [];
  const [only, ...more] = values.map((value) => (typeof value === "number" ? value : new TextDecoder().decode(value)));
  return labelOf(where, more.length > 0 ? [only, ...more] : only);
}

/** Pixels as FFHQ, CelebA-HQ and LSUN keep them: "shape" [C, H, W] and "data". */
function rawPicture(where: string, features: Features, data: Uint8Array): Picture {
  const shape = features.get("shape") ?? [];
  const [channels, height, width] = shape as number[];
  const hwc = [height ?? 0, width ?? 0, channels ?? 0] as Shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3) || data.length !== pixelsOf(hwc)) {
    const found = shapeText(shape as number[]);
    throw new BadDataError(where, `wrong size: ${data.length} bytes of shape ${found}, expected [C, H, W]`);
  }
  return { data: fromPlanes(data, hwc), shape: hwc };
}

function load(where: string, features: Features, options: SourceOptions): Picture | Promise<Picture> {
  const { imageColumn } = options;
  const data = bytesOf(features, namesOr(imageColumn, ["data"]));
  if (data && features.has("shape")) return fitPicture(rawPicture(where, features, data), where, options);
  const encoded = bytesOf(features, namesOr(imageColumn, ENCODED));
  if (encoded) return bytesPicture(where, encoded, options);
  const present = [...features.keys()].join(", ") || "none";
  const expected = imageColumn ?? `shape and data, ${ENCODED.join(" or ")}`;
  throw new UsageError(`${where}: no feature ${expected}, found ${present}`, "name it with --image-column");
}

/** One tf.train.Example as an entry. */
export function exampleEntry(where: string, bytes: Uint8Array, options: SourceOptions): SourceEntry {
  try {
    const features = parseExample(bytes);
    const label = classOf(where, features, namesOr(options.labelColumn, ["label", "image/class/label", "class"]));
    return { name: where, ...label, load: () => load(where, features, options) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return badEntry(new BadDataError(where, `damaged: ${error.message}`, { cause: error }));
  }
}

/** The number of records that a file should have, or why that cannot be known. */
async function declaredOrFault(path: string): Promise<number | BadDataError | undefined> {
  try {
    return await declaredRecords(path);
  } catch (error) {
    if (error instanceof BadDataError) return error;
    throw error;
  }
}

/**
 * The images of one file. A fault at its end tells when it has not as many as {@link declaredRecords} says: cut between
 * two records, a file looks whole.
 *
 * @param told Files whose faults were told with an earlier file.
 */
export async function* recordEntries(
  path: string,
  options: SourceOptions,
  told = new Set<string>(),
): AsyncGenerator<SourceEntry> {
  const found = await declaredOrFault(path);
  const declared = typeof found === "number" ? found : undefined;
  if (found instanceof BadDataError && !told.has(found.where)) yield badEntry(found);
  if (found instanceof BadDataError) told.add(found.where);
  let [index, lost] = [0, false];
  for await (const record of tfRecords(path)) {
    if ("fault" in record) {
      lost ||= record.fault.whole;
      yield badEntry(record.fault);
    } else yield exampleEntry(`${path}: record ${index}`, record.bytes, options);
    index++;
  }
  if (lost || declared === undefined || declared === index) return;
  const reason = `${index < declared ? "cut short" : "too long"}: ${index} records, ${declared} are declared`;
  yield badEntry(new BadDataError(path, reason, index < declared ? { lost: declared - index } : { whole: true }));
}

/**
 * TFRecord files of tf.train.Example: pixels as "shape" and "data" (FFHQ, CelebA-HQ and LSUN as the reference reads
 * them), or an encoded image as "image" or "image/encoded"; the class, if any, as "label", "image/class/label" or "class".
 *
 * @throws UsageError when there is no such file, or files of several resolutions, as of FFHQ; BadDataError when the
 *   names tell of files that are not there, unless bad data is left out.
 */
export async function openTfRecords(options: SourceOptions): Promise<Source> {
  const { paths, faults, passedOver } = await findSplit(
    options,
    FILE_NAMES.tfrecords,
    ".tfrecord, .tfrecords or .tfrec files",
  );
  const resolutions = new Set(paths.map((path) => /-(r\d\d)\.tfrecords?$/.exec(path)?.[1]));
  if (resolutions.size > 1) {
    throw new UsageError(
      `${options.path}: the same images in several resolutions: ${paths.map((path) => basename(path)).join(", ")}`,
      `name one of them: --from ${paths.at(-1)}`,
    );
  }
  return {
    format: "tfrecords",
    split: options.split,
    files: await Promise.all(paths.map(stampOf)),
    passedOver,
    async *entries() {
      const told = new Set<string>();
      for (const path of paths) yield* recordEntries(path, options, told);
      for (const fault of faults) yield badEntry(fault);
    },
  };
}
