/** The folder of a run. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError, type RunError } from "../base/errors.ts";
import { listed } from "../base/lists.ts";
import { sweepForsaken } from "../base/temporary.ts";
import { lockWorkdir, type Locked } from "./lock.ts";

/**
 * Creates a folder where it is missing, makes sure it can be written, and locks it.
 *
 * @param locked Its names in messages.
 * @returns A function that unlocks it.
 * @throws UsageError when it cannot be used or another run uses it; a full disk is passed on as it is.
 */
export function openLocked(
  folder: string,
  onMessage: (text: string) => void,
  locked: Locked,
  onLost?: (error: RunError) => void,
): () => void {
  return usable(folder, locked, () => {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return lockWorkdir(folder, onMessage, locked, onLost);
  });
}

/** Says that a folder cannot be written where the file system refuses. */
function usable<T>(folder: string, { folder: name, option }: Locked, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof UsageError || code === "ENOSPC" || code === "EDQUOT") throw error;
    throw new UsageError(`${name} ${folder} cannot be written: ${message}`, `use a ${option} that you may write to`, {
      cause: error,
    });
  }
}

/**
 * Like {@link openLocked} for the folder of a run; removes what a killed process was writing there.
 *
 * @throws as {@link openLocked}.
 */
export function openWorkdir(
  workdir: string,
  onMessage: (text: string) => void,
  onLost?: (error: RunError) => void,
  locked: Locked = { folder: "workdir", option: "--workdir" },
): () => void {
  const unlock = openLocked(workdir, onMessage, locked, onLost);
  try {
    const swept = usable(workdir, locked, () => sweepForsaken(workdir));
    if (swept.length > 0) onMessage(`removed unfinished files of a killed process: ${listed(swept)}`);
  } catch (error) {
    unlock();
    throw error;
  }
  return unlock;
}

/** The record of a workdir. */
export const metricsPath = (workdir: string): string => join(workdir, "metrics.jsonl");
