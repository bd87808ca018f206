import { RunError, UsageError } from "../../base/errors.ts";

/**
 * Does what writes to the cache.
 *
 * @param megabytes What that needs.
 * @throws RunError when the disk is full, UsageError when the cache cannot be written.
 */
export async function writingTo<T>(cacheDir: string, megabytes: number, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // An AbortError has a number.
    if (typeof code !== "string") throw error;
    if (code === "ENOSPC") throw new RunError(`the disk is full: ${cacheDir} needs ${megabytes} MB`, { cause: error });
    throw new UsageError(
      `the data cache ${cacheDir} cannot be written: ${message}`,
      "make the directory writable, choose another with SCORESTREAM_CACHE=DIR, or name the data with --set data.path=DIR",
      { cause: error },
    );
  }
}
