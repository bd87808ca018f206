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
 * What tells a file from the published one of its name; undefined for the same file, and for one of no such name.
 *
 * It concerns no image in particular, so it is no image that is lost.
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
