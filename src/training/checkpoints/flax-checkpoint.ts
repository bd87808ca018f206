/**
 * The reference's own checkpoints: its training state as flax writes it.
 *
 * @see flax.training.checkpoints 0.3.3; the reference's models/utils.py, State
 */
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { flaxPieces, parseFlax } from "../../data/formats/flax-msgpack.ts";
import { MsgpackError } from "../../data/formats/msgpack.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { DamagedCheckpointError } from "./checkpoint.ts";
import { checkpointBytes } from "./checkpoint-bytes.ts";
import { fromStateDict, toStateDict } from "./state-dict.ts";
import { fieldsOf, type FieldOptions, type StoredCheckpoint } from "./reference-fields.ts";
import type { Snapshot } from "../train-state.ts";

/**
 * Reads a flax checkpoint with all its fields.
 *
 * @param layout Of the model that it must be of; without it, the file's own.
 * @throws UsageError when the file cannot be read, is damaged, or listing what differs.
 */
export function openFlaxCheckpoint(path: string, layout?: ParameterLayout): StoredCheckpoint {
  const bytes = checkpointBytes(path);
  try {
    return fromStateDict(path, parseFlax(bytes), layout);
  } catch (error) {
    if (error instanceof MsgpackError) throw new DamagedCheckpointError(path, error.message, { cause: error });
    throw error;
  }
}

/**
 * Reads a flax checkpoint of a model with this layout.
 *
 * @throws UsageError as {@link openFlaxCheckpoint}.
 */
export const readFlaxCheckpoint = (path: string, layout: ParameterLayout): Snapshot =>
  openFlaxCheckpoint(path, layout).snapshot;

/** Writes a flax checkpoint, atomically; one that was read comes out with the same bytes. */
export const saveFlaxCheckpoint = (path: string, stored: StoredCheckpoint): Promise<void> =>
  writeFileAtomic(path, flaxPieces(toStateDict(stored)));

/** Writes a snapshot as a flax checkpoint, atomically. */
export const writeFlaxCheckpoint = (
  path: string,
  layout: ParameterLayout,
  snapshot: Snapshot,
  options?: FieldOptions,
): Promise<void> => saveFlaxCheckpoint(path, { layout, snapshot, fields: fieldsOf(snapshot.step, options) });
