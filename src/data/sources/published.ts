import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { sha256Of } from "../../base/sha256.ts";
import { BadDataError } from "./bad-data.ts";

/** A file as it was published. */
export interface Published {
  readonly bytes: number;
  readonly sha256: string;
}

/** Published files by their names. */
export type PublishedFiles = Readonly<Record<string, Published>>;

/**
 * Describes the difference between a file and the published one of its name. Undefined for the same file, and for a
 * name that was not published.
 *
 * The error concerns no image in particular, so it counts no image as lost.
 */
export async function differenceOf(path: string, published: PublishedFiles): Promise<BadDataError | undefined> {
  const expected = published[basename(path)];
  if (!expected) return undefined;
  const { size } = await stat(path);
  if (size !== expected.bytes) {
    return new BadDataError(path, `not the published file: ${size} bytes, expected ${expected.bytes}`, { whole: true });
  }
  const sha256 = await sha256Of(path);
  if (sha256 === expected.sha256) return undefined;
  return new BadDataError(path, `not the published file: sha256 ${sha256}, expected ${expected.sha256}`, {
    whole: true,
  });
}
