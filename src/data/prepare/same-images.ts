import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { FileStamp, Source } from "../sources/source.ts";
import { canonicalSplit } from "../sources/splits.ts";
import type { Work } from "./manifest.ts";
import { manifestsIn } from "./manifests-in.ts";

interface Read {
  readonly files: readonly FileStamp[];
  readonly options: Work["options"];
}

/** True when two pieces of work read the same images, whatever they call them. */
function sameImages(one: Read, other: Read): boolean {
  // One file may hold the arrays of several splits, each under its name.
  if (one.options["imageColumn"] !== other.options["imageColumn"]) return false;
  const keys = ({ files }: Read) => files.map(({ path, part, listing }) => listing ?? JSON.stringify([path, part]));
  const known = new Set(keys(other));
  return keys(one).some((key) => known.has(key));
}

/**
 * Refuses to prepare the images of one split as another, for data whose splits only names tell.
 *
 * @param out The folder that the folders of the splits are in.
 * @throws UsageError when another split there was prepared from them.
 */
export async function requireOwnImages(out: string, source: Source, options: Work["options"]): Promise<void> {
  for (const { name, manifest } of existsSync(out) ? await manifestsIn(out) : []) {
    if (canonicalSplit(name) === canonicalSplit(source.split)) continue;
    const { work } = manifest;
    if (work.format !== source.format || !sameImages({ files: source.files, options }, work)) continue;
    throw new UsageError(
      `split ${source.split}: these images are the ones that ${join(out, name)} was prepared from, as split ${work.split}`,
      `name the images of ${source.split} with --from; without a test split, a run holds training images out`,
    );
  }
}
