import { existsSync, rmSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ProgressFile } from "../formats/progress-file.ts";
import { readProgress } from "../formats/read-progress.ts";
import { changeOfUnfinished } from "./change.ts";
import { sha256Of } from "../../base/sha256.ts";
import type { Shape } from "../sources/source.ts";
import type { ShardInfo, Skipped, Work } from "./manifest.ts";
import type { ChannelSums } from "./statistics.ts";

/** Images and files that were left out. */
export interface Left {
  /** Images. */
  readonly count: number;
  /** Files that could not be read to their end, or are not the published ones; absent, none. */
  readonly files?: number | undefined;
  /** The first of both. */
  readonly first: readonly Skipped[];
}

/** A shard that has been written, with what the manifest needs of it. */
export interface Finished extends ShardInfo, ChannelSums {
  readonly shape: Shape;
  readonly labelled: boolean;
  /** Entries of the source up to its end, those left out among them. */
  readonly entries: number;
  /** Images left out since the shard before. */
  readonly skipped: Left;
  readonly classCounts?: readonly number[] | undefined;
  /** Form of the file; absent, 1. */
  readonly layout?: number | undefined;
}

/** Kept when the work is done, so that a shard lost later can be made again. */
const progressFile = (directory: string) => join(directory, "shards.jsonl");

/** Shards of the same work that are there already. */
export function savedShards(directory: string, work: Work): readonly Finished[] {
  const saved = readProgress<Finished>(progressFile(directory));
  return saved && changeOfUnfinished(saved.work as Work, work) === undefined ? saved.entries : [];
}

/** Forgets the work in a folder, so that it begins anew. */
export const forget = (directory: string): void => rmSync(progressFile(directory), { force: true });

/** Shards, and pieces of them that an interrupted writer left. */
const OURS = /^\.?shard-\d+\.arrow(\.\d+(-[0-9a-f]{8})?\.tmp)?$/;

/** True when a shard is there as it was written. */
export async function isWhole(directory: string, { file, bytes, sha256 }: ShardInfo): Promise<boolean> {
  const path = join(directory, file);
  return existsSync(path) && statSync(path).size === bytes && (await sha256Of(path)) === sha256;
}

/**
 * Goes on with the work in a folder: the shards from the first on that are whole are kept, all others removed.
 *
 * Work of other files or options starts anew.
 */
export async function resume(
  directory: string,
  work: Work,
  onMessage: (text: string) => void = () => {},
): Promise<ProgressFile<Finished>> {
  const before = readProgress<Finished>(progressFile(directory));
  const changed = before && changeOfUnfinished(before.work as Work, work);
  if (changed !== undefined && before!.entries.length > 0) onMessage(`${changed}: everything is prepared again`);
  let progress = new ProgressFile<Finished>(progressFile(directory), work);
  const kept: Finished[] = [];
  for (const shard of progress.entries) {
    if (!(await isWhole(directory, shard))) break;
    kept.push(shard);
  }
  if (kept.length < progress.entries.length) {
    rmSync(progressFile(directory));
    progress = new ProgressFile<Finished>(progressFile(directory), work);
    for (const shard of kept) progress.append(shard);
  }
  const names = new Set(kept.map(({ file }) => file));
  const others = (await readdir(directory)).filter((name) => OURS.test(name) && !names.has(name));
  for (const name of others) rmSync(join(directory, name));
  if (others.length > 0) onMessage(`${others.length} unfinished or damaged shards, or of other work, are made anew`);
  return progress;
}
