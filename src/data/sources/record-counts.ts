/**
 * Reads the facts about TFRecord files that lie beside them: the format itself tells neither its records nor its other
 * files.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { BadDataError } from "./bad-data.ts";

/** "lsun-train.tfrecord-00003-of-00032", "train-00003-of-00032.tfrecord". */
const PART = /^(.*-)(\d{5})-of-(\d{5})(.*)$/;

/** Files that must be there as others say of how many they are one, each as a fault. */
export function missingParts(paths: readonly string[]): BadDataError[] {
  const names = new Set(paths);
  const faults = new Map<string, BadDataError>();
  for (const path of paths) {
    const [, head, , total, tail] = PART.exec(basename(path)) ?? [];
    for (let i = 0; i < Number(total ?? 0); i++) {
      const other = join(dirname(path), `${head}${String(i).padStart(5, "0")}-of-${total}${tail}`);
      if (names.has(other)) continue;
      faults.set(
        other,
        new BadDataError(other, `missing: ${basename(path)} says there are ${Number(total)} files`, { whole: true }),
      );
    }
  }
  return [...faults.values()];
}

/** Schema of TensorFlow Datasets' file; numbers of 64 bits are text there. */
const info = z.object({
  splits: z.array(z.object({ name: z.string(), shardLengths: z.array(z.coerce.number().int().min(0)).optional() })),
});

/**
 * Finds the number of records of a TensorFlow Datasets file in the `dataset_info.json` beside it; undefined where there
 * is none.
 *
 * @throws BadDataError when that file cannot be understood.
 */
export async function declaredRecords(path: string): Promise<number | undefined> {
  const [, head, index, total] = PART.exec(basename(path)) ?? [];
  const where = join(dirname(path), "dataset_info.json");
  if (head === undefined || !existsSync(where)) return undefined;
  let told: z.infer<typeof info>;
  try {
    told = info.parse(JSON.parse(await readFile(where, "utf8")));
  } catch (error) {
    throw new BadDataError(where, "damaged: it tells no lengths of splits", { whole: true, cause: error });
  }
  const split = told.splits.find(({ name }) => head === `${name}-` || new RegExp(`-${name}\\.tfrecord-$`).test(head));
  return split?.shardLengths?.length === Number(total) ? split.shardLengths[Number(index)] : undefined;
}
