import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { hasManifest, readManifest, type Manifest } from "./manifest.ts";

export interface NamedManifest {
  /** Name of the folder. */
  readonly name: string;
  readonly manifest: Manifest;
}

/** A manifest that is damaged, or another program's, must not keep the split beside it from being prepared. */
function ifUnreadable(error: unknown): undefined {
  if (!(error instanceof UsageError)) throw error;
}

/** The manifests in the folders of a folder, by name; those that cannot be read are left out. */
export async function manifestsIn(folder: string): Promise<NamedManifest[]> {
  const found: NamedManifest[] = [];
  for (const name of (await readdir(folder)).filter((each) => hasManifest(join(folder, each))).sort()) {
    const manifest = await readManifest(join(folder, name)).catch(ifUnreadable);
    if (manifest) found.push({ name, manifest });
  }
  return found;
}
