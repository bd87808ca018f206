import { BadDataError, badEntry } from "./bad-data.ts";
import { decodeImage } from "./decode-image.ts";
import type { ImageOptions } from "./options.ts";
import type { Entry } from "./source.ts";

/** Columns that hold the images, in order of preference. */
export const imageNames = ["image", "img"] as const;
export const labelNames = ["label", "labels", "fine_label"] as const;

/** The encoded image in a cell: bytes, or {bytes, path} with the bytes in it. */
function encodedBytes(cell: unknown): Uint8Array | undefined {
  if (cell instanceof Uint8Array) return cell;
  const bytes = (cell as { bytes?: unknown } | null | undefined)?.bytes;
  return bytes instanceof Uint8Array ? bytes : undefined;
}

/** One row of a table whose cells hold encoded images. */
export function cellEntry(name: string, cell: unknown, label: unknown, options: ImageOptions): Entry {
  const bytes = encodedBytes(cell);
  if (!bytes) return badEntry(new BadDataError(name, "no bytes in the image's cell; only its path may be there"));
  const load = () => decodeImage(bytes, name, options);
  if (label === undefined || label === null) return { name, load };
  const number = Number(label);
  if (!Number.isInteger(number)) return badEntry(new BadDataError(name, `its label is ${String(label)}, no integer`));
  return { name, label: number, load };
}
