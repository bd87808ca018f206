import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { fileFault } from "./listing.ts";
import type { FileStamp } from "./source.ts";

/**
 * Returns the path, size and time of a file.
 *
 * @throws UsageError when it does not exist, or is not a regular file, because reading a FIFO may never end.
 */
export async function stampOf(path: string): Promise<FileStamp> {
  const found = await statOf(path);
  const { size, mtimeMs } = found;
  if (!found.isFile()) throw new UsageError(`${path}: it is not a regular file`, "name the data with --from");
  return { path: resolve(path), bytes: size, modified: Math.round(mtimeMs) };
}

/** @throws UsageError when there is no such file or folder, or this user may not read it. */
export async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === "ENOENT" || code === "ENOTDIR";
    const reason = missing ? "there is no such file or folder" : fileFault(path, error).reason;
    throw new UsageError(`${path}: ${reason}`, "name the data with --from", { cause: error });
  }
}
