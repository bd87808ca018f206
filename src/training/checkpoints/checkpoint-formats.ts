/** Checkpoints of any format: this project's Arrow files, safetensors, the reference's flax files. */
import { UsageError } from "../../base/errors.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { openArrowCheckpoint, saveArrowCheckpoint } from "./arrow-checkpoint.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { checkpointBytes } from "./checkpoint-bytes.ts";
import { openFlaxCheckpoint, saveFlaxCheckpoint } from "./flax-checkpoint.ts";
import { openSafetensorsCheckpoint, saveSafetensorsCheckpoint } from "./safetensors-checkpoint.ts";
import type { StoredCheckpoint } from "./reference-fields.ts";
import type { Snapshot } from "../train-state.ts";

export const checkpointFormats = ["arrow", "safetensors", "flax"] as const;
export type CheckpointFormat = (typeof checkpointFormats)[number];

/** safetensors: 8 bytes of header length, its upper bytes 0, and the JSON object. */
const isSafetensors = (head: Uint8Array) => head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0);
/** MessagePack: a map. */
const isMap = ([code = 0]: Uint8Array) => (code >= 0x80 && code < 0x90) || code === 0xde || code === 0xdf;

/**
 * The format of a checkpoint, by its first bytes.
 *
 * @throws UsageError when the file cannot be read or is of none of them.
 */
export function checkpointFormat(path: string): CheckpointFormat {
  const head = checkpointBytes(path, 9);
  if (Buffer.from(head).toString("latin1").startsWith("ARROW1")) return "arrow";
  if (isSafetensors(head)) return "safetensors";
  if (isMap(head)) return "flax";
  throw new UsageError(
    `${path} is not a checkpoint`,
    "give a file that a run wrote, a safetensors file that was exported from one, or one of the reference's checkpoints",
  );
}

/**
 * Reads a checkpoint of a model with this layout, in any format.
 *
 * @throws UsageError when the file cannot be read, is damaged, or listing how it differs from the model.
 */
export function readAnyCheckpoint(path: string, layout: ParameterLayout): Snapshot {
  switch (checkpointFormat(path)) {
    case "arrow":
      return readCheckpoint(path, layout);
    case "safetensors":
      return openSafetensorsCheckpoint(path, layout).snapshot;
    case "flax":
      return openFlaxCheckpoint(path, layout).snapshot;
  }
}

/**
 * Reads a checkpoint in this format, whatever its model.
 *
 * @throws UsageError when the file cannot be read, is damaged or not whole.
 */
export async function openCheckpoint(path: string, format: CheckpointFormat): Promise<StoredCheckpoint> {
  switch (format) {
    case "arrow":
      return openArrowCheckpoint(path);
    case "safetensors":
      return openSafetensorsCheckpoint(path);
    case "flax":
      return openFlaxCheckpoint(path);
  }
}

/** Writes a checkpoint in this format, atomically. */
export async function saveCheckpoint(path: string, format: CheckpointFormat, stored: StoredCheckpoint): Promise<void> {
  switch (format) {
    case "arrow":
      return saveArrowCheckpoint(path, stored);
    case "safetensors":
      return saveSafetensorsCheckpoint(path, stored);
    case "flax":
      return saveFlaxCheckpoint(path, stored);
  }
}
