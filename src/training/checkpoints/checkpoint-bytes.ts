/** The bytes of a checkpoint file. */
import { readBytes } from "../../base/file-bytes.ts";
import { UsageError } from "../../base/errors.ts";

/**
 * @param limit As many of the first bytes are enough.
 * @throws UsageError when the file cannot be read.
 */
export function checkpointBytes(path: string, limit?: number): Uint8Array {
  try {
    return readBytes(path, limit);
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`checkpoint ${path} cannot be read: ${message}`, "check the path", { cause: error });
  }
}
