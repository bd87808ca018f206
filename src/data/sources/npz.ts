import { UsageError } from "../../base/errors.ts";
import { ByteReader, fileBytes } from "./byte-reader.ts";
import { readNpyHeader, readNpyNumbers, type NpyHeader } from "./npy.ts";
import { readZip, zipContent } from "./zip.ts";

/** An array in a file; every call of `open` reads it from its beginning, its header already taken. */
export interface StoredArray {
  readonly name: string;
  readonly header: NpyHeader;
  open(): Promise<ByteReader>;
}

async function arrayOf(name: string, where: string, bytes: () => AsyncIterable<Uint8Array>): Promise<StoredArray> {
  const open = async () => {
    const reader = new ByteReader(bytes(), where);
    return { reader, header: await readNpyHeader(reader) };
  };
  const { reader, header } = await open();
  await reader.close();
  return { name, header, open: async () => (await open()).reader };
}

/** The arrays of an .npy file (one, without a name) or an .npz archive. @throws BadDataError when it is damaged. */
export async function readArrays(path: string): Promise<StoredArray[]> {
  if (path.endsWith(".npy")) return [await arrayOf("", path, () => fileBytes(path))];
  const arrays: StoredArray[] = [];
  for (const entry of await readZip(path)) {
    if (!entry.name.endsWith(".npy")) continue;
    arrays.push(await arrayOf(entry.name.slice(0, -4), `${path}: ${entry.name}`, () => zipContent(path, entry)));
  }
  return arrays;
}

/** The array of one of these names. @throws UsageError when there is none. */
export function requireArray(path: string, arrays: readonly StoredArray[], names: readonly string[]): StoredArray {
  const found = names.map((name) => arrays.find((array) => array.name === name)).find(Boolean);
  if (found) return found;
  const present = arrays.map(({ name, header }) => `${name} [${header.shape.join(", ")}]`).join(", ") || "no array";
  throw new UsageError(
    `${path}: expected an array ${names.filter(Boolean).join(" or ")}, found ${present}`,
    "say which with --image-column",
  );
}

/** Integer labels, [N], less `first`. @throws UsageError when their number is not that of the images. */
export async function readLabels(path: string, array: StoredArray, images: number, first = 0): Promise<number[]> {
  checkLabelCount(
    path,
    array.header.shape.reduce((a, b) => a * b, 1),
    images,
  );
  const reader = await array.open();
  const labels = await readNpyNumbers(reader, array.header);
  await reader.close();
  return labels.map((label) => label - first);
}

/** @throws UsageError when there is not one label an image. */
export function checkLabelCount(path: string, labels: number, images: number): void {
  if (labels === images) return;
  throw new UsageError(
    `${path}: ${labels} labels for ${images} images`,
    "put the labels there that belong to these images",
  );
}
