/** The folder of a run. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { UsageError, type RunError } from "../base/errors.ts";
import { lockWorkdir } from "./lock.ts";
import { join } from "node:path";

/**
 * Creates the folder where it is missing, makes sure it can be written, and locks it.
 *
 * @returns A function that unlocks it.
 * @throws UsageError when it cannot be used or another run uses it; a full disk is passed on as it is.
 */
export function openWorkdir(
  workdir: string,
  onStale: (text: string) => void,
  onLost?: (error: RunError) => void,
): () => void {
  try {
    mkdirSync(workdir, { recursive: true });
    accessSync(workdir, constants.W_OK);
    return lockWorkdir(workdir, onStale, undefined, onLost);
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
