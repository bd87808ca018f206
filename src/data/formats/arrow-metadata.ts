/** The metadata of an Arrow IPC file, without reading its columns. */
import { open } from "node:fs/promises";
import { RecordBatchReader } from "apache-arrow";
import { requireSoundArrow } from "./arrow-check.ts";

/** @throws RangeError when the file is not an Arrow IPC file; a system error when it cannot be read. */
export async function readArrowMetadata(path: string): Promise<ReadonlyMap<string, string>> {
  requireSoundArrow(path);
  const file = await open(path, "r");
  try {
    const reader = await (await RecordBatchReader.from(file)).open();
    return reader.schema.metadata;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw error;
    throw new RangeError(`${path}: not an Arrow IPC file: ${(error as Error).message}`, { cause: error });
  } finally {
    await file.close();
  }
}
