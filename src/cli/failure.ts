/** Converts an error to the message that the user reads, and the exit code. */
import { RunError, UsageError } from "../base/errors.ts";
import type { RunFailure } from "../run/run-clock.ts";

export interface Failure {
  readonly exitCode: 1 | 2;
  /** Begins with "error:"; may have several lines. */
  readonly text: string;
  /** The text's first line, without "error:". */
  readonly summary: string;
  /** Remedy, where one is known. */
  readonly remedy?: string;
}

/** The errors from `error` down its chain of causes. */
function chain(error: unknown): NodeJS.ErrnoException[] {
  const found: NodeJS.ErrnoException[] = [];
  for (let at = error; at instanceof Error && !found.includes(at); at = at.cause) found.push(at);
  return found;
}

const AFTER_CHECKPOINT =
  "free some space and run the same command again: it continues from the last checkpoint, which is intact; " +
  "or use a --workdir on another disk";

/** Words for a full disk; the system names the file only when it fails to open it. */
function diskFull(error: NodeJS.ErrnoException, workdir: string | undefined, remedy: string): string {
  const file = error.path ?? workdir ?? "a file";
  const why = error.code === "EDQUOT" ? "the disk quota is used up" : "no space left on the disk";
  return `${why} while writing ${file}\n  remedy: ${remedy}`;
}

/**
 * Puts an error in words.
 *
 * @param workdir Named when the disk is full and the error does not say where.
 * @param whenFull What to do about a full disk; default: what a run's user does.
 * @param trace Add the stack trace and those of the causes.
 */
export function describeFailure(
  error: unknown,
  { workdir, trace, whenFull = AFTER_CHECKPOINT }: { workdir?: string; trace: boolean; whenFull?: string },
): Failure {
  const errors = chain(error);
  const full = errors.find(({ code }) => code === "ENOSPC" || code === "EDQUOT");
  const known = error instanceof UsageError || error instanceof RunError;
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  let text = error instanceof Error ? error.message : String(error);
  if (full && !known) text = diskFull(full, workdir, whenFull);
  else if (!known) text = `${name}${text}\n  SCORESTREAM_DEBUG=1 shows where`;
  const [, remedy] = /^ {2}remedy: (.*)$/m.exec(text) ?? [];
  const traces = trace ? errors.map(({ stack }) => `\n${stack}`) : [];
  return {
    exitCode: error instanceof UsageError && !full ? 2 : 1,
    text: `error: ${text}${traces.join("")}`,
    summary: text.split("\n")[0]!,
    ...(remedy !== undefined && { remedy }),
  };
}

/** Characters that are told of an error to who watches. */
const TOLD = 1000;

/** The failure as a run's state tells it. */
export function failureOf(error: unknown, workdir: string): RunFailure {
  const { summary, remedy } = describeFailure(error, { workdir, trace: false });
  return { error: summary.slice(0, TOLD), ...(remedy !== undefined && { remedy: remedy.slice(0, TOLD) }) };
}
