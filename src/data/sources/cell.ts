import { UsageError } from "../../base/errors.ts";
import { BadDataError, badEntry } from "./bad-data.ts";
import { decodeImage, fitPicture } from "./decode-image.ts";
import { Tally, type PassedOver } from "./passed-over.ts";
import { isPicture } from "./content-kind.ts";
import { flatPicture, nestedPicture } from "./nested.ts";
import type { SourceOptions } from "./options.ts";
import type { SampleType } from "./samples.ts";
import type { Picture, SourceEntry } from "./source.ts";

/** Columns that hold the images, in order of preference. */
const imageNames = ["image", "img"];
const labelNames = ["label", "labels", "fine_label"];

/** Says to read no labels. */
export const NONE = "none";

/** The name that was asked for, or the usual ones. */
export const namesOr = (asked: string | undefined, usual: readonly string[]): readonly string[] =>
  asked === undefined ? usual : asked === NONE ? [] : [asked];

/** Names of the columns of images and of labels among those that are there. @throws UsageError when one is missing. */
export function columnNames(
  path: string,
  present: readonly string[],
  { imageColumn, labelColumn }: SourceOptions,
): { readonly image: string; readonly label: string | undefined } {
  const [image, label] = [namesOr(imageColumn, imageNames), namesOr(labelColumn, labelNames)].map((names) =>
    names.find((name) => present.includes(name)),
  );
  const found = present.join(", ") || "none";
  if (image === undefined) {
    const expected = namesOr(imageColumn, imageNames).join(" or ");
    throw new UsageError(`${path}: expected a column ${expected}, found ${found}`, "name it with --image-column");
  }
  requireLabels(path, labelColumn, label !== undefined, present);
  return { image, label };
}

/** Columns of a table that are neither images nor labels. */
export function otherColumns(
  present: readonly string[],
  { image, label }: { readonly image: string; readonly label: string | undefined },
): PassedOver[] {
  const tally = new Tally();
  for (const name of present) if (name !== image && name !== label) tally.add("other column: not read", name);
  return tally.list();
}

/** @throws UsageError when labels were asked for by their name and are not there. */
export function requireLabels(path: string, asked: string | undefined, there: boolean, present: readonly string[]) {
  if (asked === undefined || asked === NONE || there) return;
  throw new UsageError(`${path}: no ${asked}, found ${present.join(", ")}`, "name it with --label-column");
}

const shownList = (values: readonly unknown[]) => `[${values.slice(0, 8).map(String).join(", ")}]`;

/** In quotes, "3" is told from 3. */
function shownLabel(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return Array.isArray(value) ? shownList(value) : String(value);
}

/** The class in a cell; undefined for null. @throws UsageError when it is no integer. */
export function labelOf(where: string, value: unknown): { label?: number } {
  if (value === undefined || value === null) return {};
  if (typeof value === "boolean") return { label: Number(value) };
  if ((typeof value === "number" || typeof value === "bigint") && Number.isSafeInteger(Number(value))) {
    return { label: Number(value) };
  }
  throw new UsageError(
    `${where}: the label ${shownLabel(value)} is not an integer`,
    "leave labels out with --label-column none, or use it to name the column of class numbers",
  );
}

/** Base64, of a data URI or bare: no path has so many of its letters alone. */
const BASE64 = /^(?:data:[\w/+.-]+;base64,)?([A-Za-z0-9+/\s]{64,}={0,2}\s*)$/;

/** The image in a cell where one is in text, or in a list of its own; anything else as it is. */
function unwrapped(cell: unknown): unknown {
  if (typeof cell === "string") {
    const packed = BASE64.exec(cell)?.[1];
    return packed === undefined ? { path: cell } : new Uint8Array(Buffer.from(packed, "base64"));
  }
  const [only, ...more] = Array.isArray(cell) ? (cell as unknown[]) : [];
  return more.length === 0 && isEncoded(only) ? only : cell;
}

/** True for {bytes, path}, and for the bytes of an image file: rows of pixels come as bytes too. */
const isEncoded = (value: unknown): boolean =>
  value instanceof Uint8Array ? isPicture(value) : value !== null && typeof value === "object" && "bytes" in value;

/** The image in bytes: pixels where they are as many as `--shape` says, else an image file. @throws BadDataError */
export function bytesPicture(where: string, bytes: Uint8Array, options: SourceOptions): Picture | Promise<Picture> {
  const pixels = flatPicture(bytes, options);
  return pixels ? fitPicture(pixels, where, options) : decodeImage(bytes, where, options);
}

/**
 * One row of a table: encoded images as bytes, {bytes, path} or base64, or pixels in nested lists.
 *
 * @param type Of the pixels in lists, where they are floats or flags.
 */
export function cellEntry(
  name: string,
  stored: unknown,
  label: unknown,
  options: SourceOptions,
  type?: SampleType,
): SourceEntry {
  const given = { name, ...labelOf(name, label) };
  const cell = unwrapped(stored);
  if (cell === null || cell === undefined) return badEntry(new BadDataError(name, "no image in its cell"));
  if (Array.isArray(cell)) {
    if (isEncoded(cell[0])) return badEntry(new BadDataError(name, `${cell.length} images in its cell, expected one`));
    const pixels = { ...options, range: undefined };
    return { ...given, load: () => fitPicture(nestedPicture(name, cell, options, type), name, pixels) };
  }
  const { bytes, path } = cell instanceof Uint8Array ? { bytes: cell } : (cell as { bytes?: unknown; path?: unknown });
  if (bytes instanceof Uint8Array) return { ...given, load: () => bytesPicture(name, bytes, options) };
  const elsewhere = typeof path === "string" && path !== "" ? `, only the path ${path.slice(0, 200)}` : "";
  return badEntry(
    new BadDataError(name, `the bytes of the image are not in the file${elsewhere}`, {
      remedy:
        "write them into it: dataset.with_format('arrow').map(datasets.table.embed_table_storage, batched=True); " +
        "or read the image files themselves with --format folder",
    }),
  );
}
