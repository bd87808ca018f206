/** `log.txt` of a workdir: what a run has said, for who looks later or from elsewhere. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";

export const logPath = (workdir: string): string => join(workdir, "log.txt");

/**
 * Appends each message to the log, with its time (ISO 8601, UTC) before it; further lines of a message are indented.
 *
 * A log that cannot be written is told about once and left: it is no reason to end a run.
 */
export function logFile(
  workdir: string,
  tell: (text: string) => void,
  now: () => Date = () => new Date(),
): (text: string) => void {
  let open = true;
  return (text) => {
    if (!open) return;
    try {
      appendFileSync(logPath(workdir), `${now().toISOString()} ${text.replaceAll("\n", "\n  ")}\n`);
    } catch (error) {
      open = false;
      tell(`warning: ${logPath(workdir)} is no longer written: ${(error as Error).message}`);
    }
  };
}
