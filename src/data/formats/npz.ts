/** Arrays by name in one file, in NumPy's npz format: a zip archive of npy files. */
import { UsageError } from "../../base/errors.ts";
import { writeFileAtomic } from "./arrow-file.ts";
import { npyPieces, parseNpy, type NpyArray } from "./npy.ts";
import { readZip, readZipEntry } from "./zip.ts";
import { zipPieces } from "./zip-pieces.ts";

const ENDING = ".npy";

/**
 * Reads arrays of an npz file.
 *
 * @param wanted Names of the arrays to read, of those that are there; all by default.
 * @throws UsageError when the file is malformed; a system error when it cannot be read.
 * @see numpy.load
 */
export async function readNpz(path: string, wanted?: readonly string[]): Promise<ReadonlyMap<string, NpyArray>> {
  const refuse = (reason: string, cause?: unknown) =>
    new UsageError(`${path}: not an npz file: ${reason}`, "get the file again, or give another one", { cause });
  const arrays = new Map<string, NpyArray>();
  for (const entry of await readZip(path, refuse)) {
    if (!entry.name.endsWith(ENDING)) continue;
    const label = JSON.stringify(entry.name);
    const name = entry.name.slice(0, -ENDING.length);
    if (wanted && !wanted.includes(name)) continue;
    if (arrays.has(name)) throw refuse(`it has two entries ${label}`);
    const content = await readZipEntry(path, entry, (reason, cause) =>
      refuse(`its entry ${label} is ${reason}`, cause),
    );
    arrays.set(name, parseNpy(content, `${path}: field ${JSON.stringify(name)}`));
  }
  return arrays;
}

/**
 * Writes an npz file, atomically.
 *
 * @throws RangeError when an array's shape and data do not fit, or the file would have 4 GiB or more.
 * @see numpy.savez_compressed
 */
export async function writeNpz(path: string, arrays: Readonly<Record<string, NpyArray>>): Promise<void> {
  const contents = Object.entries(arrays).map(([name, array]) => [name + ENDING, npyPieces(array)] as const);
  await writeFileAtomic(path, zipPieces(new Map(contents)));
}
