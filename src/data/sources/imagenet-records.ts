import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { SourceOptions } from "./options.ts";
import type { SourceEntry } from "./source.ts";
import { statOf } from "./stamp.ts";
import { recordEntries } from "./tfrecords.ts";

/**
 * Files that TensorFlow Datasets made of the archives of the old version, which are no longer published:
 * `downsampled_imagenet-train.tfrecord-00000-of-00032` and so on, with the PNG files as they were. None: an empty list.
 */
export async function recordFiles(path: string, split: string): Promise<string[]> {
  if ((await statOf(path)).isFile()) return [];
  const name = `downsampled_imagenet-${split === "train" ? "train" : "validation"}.tfrecord-`;
  const found = (await readdir(path)).filter((file) => file.startsWith(name));
  return found.sort().map((file) => join(path, file));
}

/** The images in them; `check` is told their number unless some of them cannot be found. */
export async function* allRecordEntries(
  paths: readonly string[],
  options: SourceOptions,
  check: (count: number) => void,
): AsyncGenerator<SourceEntry> {
  let count = 0;
  let lost = false;
  const told = new Set<string>();
  for (const path of paths) {
    for await (const entry of recordEntries(path, options, told)) {
      count += entry.fault?.lost ?? 1;
      lost ||= entry.fault?.whole ?? false;
      yield entry;
    }
  }
  if (!lost) check(count);
}
