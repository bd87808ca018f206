import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256Of } from "../../base/sha256.ts";
import { pixelsOf } from "../sources/source.ts";
import { readManifest, type Manifest, type ShardInfo } from "./manifest.ts";
import { readLayout } from "./shard-layout.ts";

export interface Verified {
  readonly manifest: Manifest;
  /** Faults, one line for each shard that differs from what was written. */
  readonly faults: readonly string[];
}

/** Describes the fault of a shard; undefined when it is whole. */
async function faultOf(directory: string, shard: ShardInfo, pixels: number): Promise<string | undefined> {
  const { file, count, bytes, sha256 } = shard;
  const path = join(directory, file);
  if (!existsSync(path)) return `${path} is missing`;
  const { size } = statSync(path);
  if (size !== bytes) return `${path} is ${size < bytes ? "cut short" : "too long"}: ${size} of ${bytes} bytes`;
  const found = await sha256Of(path);
  if (found !== sha256) return `${path}: its hash is wrong: sha256 ${found}, expected ${sha256}`;
  const layout = readLayout(path);
  if (layout.count === count && layout.width === pixels) return undefined;
  return `${path} holds ${layout.count} images of ${layout.width} values, but the manifest says ${count} of ${pixels}`;
}

/**
 * Checks every shard's size, SHA-256 and number of images against the manifest.
 *
 * @param onProgress Receives the number of images checked.
 * @throws UsageError when there is no manifest or it is damaged.
 */
export async function verify(directory: string, onProgress: (done: number) => void = () => {}): Promise<Verified> {
  const manifest = await readManifest(directory);
  const faults: string[] = [];
  let done = 0;
  for (const shard of manifest.shards) {
    const fault = await faultOf(directory, shard, pixelsOf(manifest.shape));
    if (fault !== undefined) faults.push(fault);
    onProgress((done += shard.count));
  }
  return { manifest, faults };
}
