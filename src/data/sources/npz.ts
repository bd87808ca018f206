import { UsageError } from "../../base/errors.ts";
import { readZip, zipContent } from "../formats/zip.ts";
import { BadDataError } from "./bad-data.ts";
import { ByteReader, fileBytes } from "./byte-reader.ts";
import { readNpyHeader, readNpyNumbers, type NpyHeader } from "./npy.ts";

/** An array in a file; every call of `open` reads it from its beginning, its header already taken. */
export interface StoredArray {
  readonly name: string;
  readonly header: NpyHeader;
  open(): Promise<ByteReader>;
}

/** An array in a file that nothing has been read of: others beside the images may be of any kind. */
export interface ArrayMember {
  readonly name: string;
  /** @throws BadDataError when its header is damaged, or of a kind that is not read. */
  read(): Promise<StoredArray>;
}

function memberOf(name: string, where: string, bytes: () => AsyncIterable<Uint8Array>): ArrayMember {
  const open = async () => {
    const reader = new ByteReader(bytes(), where);
    try {
      return { reader, header: await readNpyHeader(reader) };
    } catch (error) {
      await reader.close();
      throw error;
    }
  };
  return {
    name,
    async read() {
      const { reader, header } = await open();
      await reader.close();
      return { name, header, open: async () => (await open()).reader };
    },
  };
}

/** The arrays of an .npy file (one, without a name) or an .npz archive. @throws BadDataError when it is no archive. */
export async function listArrays(path: string): Promise<ArrayMember[]> {
  if (/\.npy$/i.test(path)) return [memberOf("", path, () => fileBytes(path))];
  const refuse = (where: string) => (reason: string, cause?: unknown) => new BadDataError(where, reason, { cause });
  const entries = await readZip(path, (reason, cause) => refuse(path)(`not a whole zip archive: ${reason}`, cause));
  return entries
    .filter(({ name }) => name.endsWith(".npy"))
    .map((entry) => {
      const where = `${path}: ${entry.name}`;
      return memberOf(entry.name.slice(0, -4), where, () => zipContent(path, entry, refuse(where)));
    });
}

/** The array of the first of these names that is there. @throws UsageError when none is. */
export async function requireArray(
  path: string,
  arrays: readonly ArrayMember[],
  names: readonly string[],
): Promise<StoredArray> {
  const found = names.map((name) => arrays.find((array) => array.name === name)).find(Boolean);
  if (found) return found.read();
  const present = arrays.map(({ name }) => name).join(", ") || "no array";
  throw new UsageError(
    `${path}: expected an array ${names.filter(Boolean).join(" or ")}, found ${present}`,
    "name it with --image-column",
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
  try {
    return (await readNpyNumbers(reader, array.header)).map((label) => label - first);
  } finally {
    await reader.close();
  }
}

/** @throws UsageError when there is not one label an image. */
export function checkLabelCount(path: string, labels: number, images: number): void {
  if (labels === images) return;
  throw new UsageError(`${path}: ${labels} labels for ${images} images`, "use the labels that belong to these images");
}
