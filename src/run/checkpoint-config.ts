/** The configuration that the checkpoints of a workdir carry, under their checksums. */
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { openArrowCheckpoint } from "../training/checkpoints/arrow-checkpoint.ts";
import { DamagedCheckpointError } from "../training/checkpoints/checkpoint.ts";
import { checkpointPaths } from "../training/checkpoints/checkpoint-store.ts";
import type { Json } from "../training/checkpoints/stored-config.ts";
import { takeSums } from "../training/checkpoints/stored-sums.ts";
import type { Field } from "./config-fields.ts";
import { boundFields, differences, readStoredConfig } from "./config-file.ts";
import type { StoredConfig } from "./pipeline.ts";

/** Reads the configuration of the newest whole checkpoint; undefined when none has one. */
async function configInCheckpoint(workdir: string): Promise<StoredConfig | undefined> {
  for (const path of checkpointPaths(workdir)) {
    try {
      const { config } = await openArrowCheckpoint(path);
      const { shape: _, ...stored } = takeSums((config ?? {}) as Json, 0).config;
      if (typeof stored["pipeline"] === "string") return stored as StoredConfig;
    } catch (error) {
      if (!(error instanceof DamagedCheckpointError)) throw error;
    }
  }
  return undefined;
}

/**
 * The configuration of `workdir`: `config.json`, or where that is missing what its newest checkpoint was written with.
 *
 * @throws UsageError when `config.json` is damaged, or a checkpoint cannot be read.
 */
export const configOfRun = async (workdir: string): Promise<StoredConfig | undefined> =>
  readStoredConfig(workdir) ?? (await configInCheckpoint(workdir));

/**
 * Refuses a `config.json` whose checkpoint was trained with other settings: a file was edited, or damaged.
 *
 * @param trained What the checkpoint was written with; empty where there is none of the workdir's own.
 * @throws UsageError with one line for each field that differs.
 */
export function requireTrainedWith(
  workdir: string,
  stored: StoredConfig | undefined,
  trained: Json,
  all?: readonly Field[],
): void {
  if (!stored || typeof trained["pipeline"] !== "string") return;
  const different = differences(trained as StoredConfig, stored, ["pipeline", ...boundFields("train", all)], all);
  if (different.length === 0) return;
  const path = join(workdir, "config.json");
  const lines = different.map(({ name, there, here }) => `  ${name}: ${here} there, ${there} in the checkpoint`);
  throw new UsageError(
    `${path} differs from the settings that the checkpoint of its workdir was trained with:\n${lines.join("\n")}`,
    `remove ${path} to use the settings of the checkpoint`,
  );
}
