/** The folder of a run. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError, type RunError } from "../base/errors.ts";
import { listed } from "../base/lists.ts";
import { sweepForsaken } from "../base/temporary.ts";
import { lockWorkdir } from "./lock.ts";

/**
 * Creates the folder where it is missing, makes sure it can be written, locks it, and removes what a killed process was
 * writing there.
 *
 * @returns A function that unlocks it.
 * @throws UsageError when it cannot be used or another run uses it; a full disk is passed on as it is.
 */
export function openWorkdir(
  workdir: string,
  onMessage: (text: string) => void,
  onLost?: (error: RunError) => void,
): () => void {
  try {
    mkdirSync(workdir, { recursive: true });
    accessSync(workdir, constants.W_OK);
    const unlock = lockWorkdir(workdir, onMessage, undefined, onLost);
    try {
      const swept = sweepForsaken(workdir);
      if (swept.length > 0) onMessage(`removed unfinished files of a killed process: ${listed(swept)}`);
    } catch (error) {
      unlock();
      throw error;
    }
    return unlock;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof UsageError || code === "ENOSPC" || code === "EDQUOT") throw error;
    throw new UsageError(`workdir ${workdir} cannot be written: ${message}`, "use a --workdir that you may write to", {
      cause: error,
    });
  }
}

/** The record of a workdir. */
export const metricsPath = (workdir: string): string => join(workdir, "metrics.jsonl");
