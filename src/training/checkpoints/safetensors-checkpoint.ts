/**
 * Checkpoints as safetensors, for other programs: names are those of the reference's training state, but for the
 * parameters, which are under "params/" rather than "optimizer/target/".
 */
import { fromSafetensor, toSafetensor } from "../../data/formats/named-array.ts";
import { parseSafetensors, writeSafetensors } from "../../data/formats/safetensors.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { DamagedCheckpointError } from "./checkpoint.ts";
import { checkpointBytes } from "./checkpoint-bytes.ts";
import { fromStateDict, toStateDict } from "./state-dict.ts";
import { parseConfig } from "./stored-config.ts";
import type { StoredCheckpoint } from "./reference-fields.ts";

const FORMAT = "scorestream-state-1";
const TARGET = "optimizer/target/";
const PARAMS = "params/";

const renamed = (path: string, from: string, to: string) =>
  path.startsWith(from) ? to + path.slice(from.length) : path;

/**
 * Reads a checkpoint from a safetensors file.
 *
 * @param layout Of the model that it must be of; without it, the file's own.
 * @throws UsageError when the file cannot be read, is damaged, or listing what differs.
 */
export function openSafetensorsCheckpoint(path: string, layout?: ParameterLayout): StoredCheckpoint {
  const { tensors, metadata } = parseSafetensors(checkpointBytes(path), path);
  const arrays = [...tensors].map(([name, tensor]) => [renamed(name, PARAMS, TARGET), fromSafetensor(tensor)] as const);
  const dict = new Map(arrays);
  if (dict.size < arrays.length) throw new DamagedCheckpointError(path, `it has "${PARAMS}" and "${TARGET}"`);
  const stored = fromStateDict(path, dict, layout);
  const { config } = metadata;
  return config === undefined ? stored : { ...stored, config: parseConfig(path, config) };
}

/** Writes a checkpoint as a safetensors file, atomically; its metadata have the step and the run's configuration. */
export async function saveSafetensorsCheckpoint(path: string, stored: StoredCheckpoint): Promise<void> {
  const tensors = [...toStateDict(stored)].flatMap(([name, array]) =>
    array ? [[renamed(name, TARGET, PARAMS), toSafetensor(array)] as const] : [],
  );
  const metadata: Record<string, string> = { format: FORMAT, step: String(stored.snapshot.step) };
  if (stored.config !== undefined) metadata["config"] = JSON.stringify(stored.config);
  await writeSafetensors(path, { tensors: new Map(tensors), metadata });
}
