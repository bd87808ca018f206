import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { badEntry } from "./bad-data.ts";
import type { SourceOptions } from "./options.ts";
import type { Entry } from "./source.ts";
import { statOf } from "./stamp.ts";
import { exampleEntry } from "./tfrecords.ts";
import { tfRecords } from "./tfrecord.ts";

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
export async function* recordEntries(
  paths: readonly string[],
  options: SourceOptions,
  check: (count: number) => void,
): AsyncGenerator<Entry> {
  let count = 0;
  let lost = false;
  for (const path of paths) {
    let index = 0;
    for await (const record of tfRecords(path)) {
      if ("fault" in record) {
        lost ||= record.fault.whole;
        yield badEntry(record.fault);
      } else yield exampleEntry(`${path}: record ${index}`, record.bytes, options);
      index++;
    }
    count += index;
  }
  if (!lost) check(count);
}
