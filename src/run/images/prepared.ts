/** Opens images prepared by `npm run data -- prepare`, which the configuration names. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { isPrepared, openSplits, type PreparedSplits } from "../../data/prepare/open-splits.ts";
import { guessFormat } from "../../data/sources/guess-format.ts";
import { shapeText } from "../../data/sources/source.ts";
import { UsageError } from "../../base/errors.ts";
import type { OnProgress } from "../../data/dataset.ts";
import type { RunContext } from "../pipeline.ts";
import { copiedImages, isRemote } from "./remote.ts";

/** Returns the command that prepares the data at `path` as `data/<name>`, with the way to use the result. */
export function prepareCommand(path: string, format: string, name = basename(resolve(path)) || "images"): string {
  const out = join("data", name);
  const quoted = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const command = `npm run data -- prepare --format ${format} --from ${quoted(path)} --out ${quoted(out)}`;
  return `${command}, then use --set data.path=${quoted(out)}`;
}

/** "mnist: 60000 training and 10000 test images of [28, 28, 1]" */
const described = ({ train, test }: PreparedSplits): string =>
  `data: ${train.name}, ${train.length} training and ${test.length} test images of ${shapeText(train.shape)}`;

/**
 * Opens the prepared folder `given`; if it is a server, copies the data first.
 *
 * @param format Options of `prepare` for raw data, starting with "--format"; absent: guessed from the files.
 * @throws UsageError when the data are not prepared; the remedy names the command that prepares them.
 */
export async function preparedImages(
  given: string,
  context: Pick<RunContext, "config" | "cacheDir" | "signal">,
  onProgress: OnProgress,
  format?: string,
): Promise<PreparedSplits> {
  const { data } = context.config;
  const path = isRemote(given) ? await copiedImages(given, context, onProgress) : given;
  if (isPrepared(path)) {
    const splits = await openSplits(path, data.testFraction);
    return { ...splits, notes: [described(splits), ...splits.notes] };
  }
  if ([path, join(path, "train")].some((folder) => existsSync(join(folder, "shards.jsonl")))) {
    throw new UsageError(
      `data.path ${path}: its preparation did not finish`,
      "run the npm run data -- prepare command again: it resumes where it was interrupted",
    );
  }
  const found = guessFormat(path);
  if (found === undefined) {
    throw new UsageError(`data.path ${path}: there is no such folder`, "name a folder that was prepared");
  }
  throw new UsageError(`data.path ${path}: the data are not prepared`, prepareCommand(path, format ?? found));
}
