/** The checkpoint of the smallest held-out bound, which a run keeps beside its newest ones. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UsageError } from "../../base/errors.ts";
import { readArrowMetadata } from "../../data/formats/arrow-metadata.ts";
import { isRecord, type Json } from "./stored-config.ts";

/** A held-out bound. */
export interface HeldOut {
  /** Bits/dim. */
  readonly bound: number;
  /** Settings and images of the measurement: bounds of other ones cannot be compared. */
  readonly by: Json;
}

/** Key of the configuration in the file that holds its bound. */
export const HELD_OUT = "heldOut";

/** Name of the best checkpoint as a value of `checkpoint`. */
const BEST = "best";

export const bestPath = (workdir: string): string => join(workdir, "checkpoints", "best.arrow");

/**
 * The bound of the best checkpoint of a workdir.
 *
 * @returns undefined where there is none, it is damaged, or its bound was measured in another way.
 */
export async function bestBound(workdir: string, by: Json): Promise<number | undefined> {
  const path = bestPath(workdir);
  if (!existsSync(path)) return undefined;
  try {
    const config: unknown = JSON.parse((await readArrowMetadata(path)).get("config") ?? "{}");
    const found = isRecord(config) ? config[HELD_OUT] : undefined;
    if (!isRecord(found) || !isDeepStrictEqual(found["by"], JSON.parse(JSON.stringify(by)))) return undefined;
    return typeof found["bound"] === "number" ? found["bound"] : undefined;
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The file that a value of `checkpoint` names: "best" is the best one of the workdir.
 *
 * @throws UsageError when the workdir has no best one.
 */
export function namedCheckpoint(workdir: string, name: string): string {
  if (name !== BEST) return name;
  const path = bestPath(workdir);
  if (existsSync(path)) return path;
  throw new UsageError(
    `checkpoint: ${workdir} has no best checkpoint, which is chosen at snapshots in mid-training`,
    "leave checkpoint out to use the newest one, or train with a smaller training.snapshotEvery",
  );
}
