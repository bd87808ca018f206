/** The shape of the examples that a checkpoint's model is for. */
import { UsageError } from "../../base/errors.ts";
import { readArrowMetadata } from "../../data/formats/arrow-metadata.ts";
import { checkpointFormat } from "./checkpoint-formats.ts";
import { checkpointPaths } from "./checkpoint-store.ts";
import { isRecord } from "./stored-config.ts";

const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((size) => Number.isSafeInteger(size) && size > 0);

/** Reads the shape in an Arrow checkpoint's configuration. */
async function shapeIn(path: string): Promise<unknown> {
  if (checkpointFormat(path) !== "arrow") return undefined;
  try {
    const config: unknown = JSON.parse((await readArrowMetadata(path)).get("config") ?? "{}");
    return isRecord(config) ? config["shape"] : undefined;
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Shape of an example, by the file or the newest checkpoint of the folder that tells it.
 *
 * @throws UsageError when there is no checkpoint, or none tells it.
 */
export async function shapeInCheckpoint(workdir: string, file?: string): Promise<readonly number[]> {
  const paths = file === undefined ? checkpointPaths(workdir) : [file];
  if (paths.length === 0) throw new UsageError(`${workdir} has no checkpoint`, "train first, or give { checkpoint }");
  for (const path of paths) {
    const shape = await shapeIn(path);
    if (isShape(shape)) return shape;
  }
  throw new UsageError(
    `${paths[0]} does not record the shape of the examples`,
    "give it as { shape: [height, width, channels] }",
  );
}
