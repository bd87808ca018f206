import { UsageError } from "../../errors.ts";
import type { Entry } from "./source.ts";

/** An image, or the rest of a file of images, that cannot be used; it may be left out when the user says so. */
export class BadDataError extends UsageError {
  override readonly name = "BadDataError";
  /** File and index. */
  readonly where: string;
  readonly reason: string;
  /** Images lost by it. */
  readonly lost: number;

  constructor(where: string, reason: string, { lost = 1, cause }: { lost?: number; cause?: unknown } = {}) {
    super(`${where}: ${reason}`, "put a whole copy of the data there, or leave bad images out with --skip-bad", {
      cause,
    });
    this.where = where;
    this.reason = reason;
    this.lost = lost;
  }
}

/** An entry in the place of images that cannot be had. */
export function badEntry(error: BadDataError): Entry {
  return {
    name: error.where,
    load() {
      throw error;
    },
  };
}

/** What a decoder threw as damage of the data; errors of the file system are thrown on as they are. */
export function damaged(where: string, error: unknown, lost = 1): BadDataError {
  if (error instanceof BadDataError) return error;
  if (!(error instanceof Error) || "syscall" in error) throw error;
  return new BadDataError(where, `damaged: ${error.message.replace(/\s+/g, " ").trim()}`, { lost, cause: error });
}

/** Turns a damaged file into a bad entry; anything else that went wrong is thrown on. */
export function badEntryOf(error: unknown): Entry {
  if (error instanceof BadDataError) return badEntry(error);
  throw error;
}
