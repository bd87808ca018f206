import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
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

/** @throws UsageError when there is no such file or folder. */
export async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    throw new UsageError(`${path}: there is no such file or folder`, "name the data with --from", {
      cause: error,
    });
  }
}
