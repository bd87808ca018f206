import { UsageError } from "../../base/errors.ts";
import type { SourceEntry } from "./source.ts";

const REMEDY = "replace the data with an intact copy, or skip what is bad with --skip-bad";

/** An image, or the rest of a file of images, that cannot be used. The user can choose to leave it out. */
export class BadDataError extends UsageError {
  override readonly name = "BadDataError";
  /** File and index. */
  readonly where: string;
  readonly reason: string;
  /** Number of images lost by it. */
  readonly lost: number;
  /** True if it is a file or the rest of one, with an unknown number of images. */
  readonly whole: boolean;

  constructor(where: string, reason: string, fault: Fault = {}) {
    const { whole = false, lost = whole ? 0 : 1, remedy = REMEDY, cause } = fault;
    super(`${where}: ${reason}`, remedy, { cause });
    this.where = where;
    this.reason = reason;
    this.lost = lost;
    this.whole = whole;
  }
}

interface Fault {
  readonly remedy?: string;
  readonly lost?: number;
  readonly whole?: boolean;
  readonly cause?: unknown;
}

/** Creates a placeholder for unreadable images. */
export function badEntry(error: BadDataError): SourceEntry {
  return {
    name: error.where,
    fault: error,
    load() {
      throw error;
    },
  };
}

/** Reports an error of a decoder as damage of the data; errors of the file system are thrown unchanged. */
export function damaged(where: string, error: unknown, fault: Fault = {}): BadDataError {
  if (error instanceof BadDataError) return error;
  if (!(error instanceof Error) || "syscall" in error) throw error;
  return new BadDataError(where, `damaged: ${error.message.replace(/\s+/g, " ").trim()}`, { ...fault, cause: error });
}

/** Files that are read at once: a system bounds how many a process may have open. */
const AT_ONCE = 64;

/**
 * Opens files. One that cannot be read stands as its fault in its place when bad data is left out.
 *
 * @throws BadDataError at the first that cannot be read unless `skipBad`.
 */
export async function openEach<T>(
  paths: readonly string[],
  open: (path: string) => Promise<T>,
  skipBad = false,
): Promise<(T | BadDataError)[]> {
  const one = async (path: string) => {
    try {
      return await open(path);
    } catch (error) {
      if (!skipBad || !(error instanceof BadDataError)) throw error;
      return new BadDataError(error.where, error.reason, { whole: true, cause: error });
    }
  };
  const opened: (T | BadDataError)[] = [];
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    opened.push(...(await Promise.all(paths.slice(at, at + AT_ONCE).map(one))));
  }
  return opened;
}

/** The files among them that can be read. */
export const readable = <T>(files: readonly (T | BadDataError)[]): T[] =>
  files.filter((file): file is T => !(file instanceof BadDataError));

/** Turns the error of a damaged file into a bad entry; throws any other error again. */
export function badEntryOf(error: unknown): SourceEntry {
  if (error instanceof BadDataError) return badEntry(error);
  throw error;
}
