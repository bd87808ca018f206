/** `npm run data -- prepare`. */
import { join } from "node:path";
import type { Manifest } from "../data/prepare/manifest.ts";
import type { OnProgress } from "../data/dataset.ts";
import { writeDatasetCard } from "../data/prepare/dataset-card.ts";
import { prepare } from "../data/prepare/prepare.ts";
import { requireOwnImages } from "../data/prepare/same-images.ts";
import { openSource, requireFormat, splitsFound } from "../data/sources/formats.ts";
import { cacheFolder, type Environment } from "./environment.ts";
import { failWithoutLock } from "../run/lock.ts";
import { openLocked } from "../run/workdir.ts";
import type { PrepareRequest } from "./data-options.ts";
import { reporterFor } from "./reporter.ts";
import type { Reporter } from "../run/reporter.ts";

/** The result of preparing one split. */
export interface PreparedSplit {
  readonly split: string;
  readonly directory: string;
  /** Absent when it was stopped. */
  readonly manifest: Manifest | undefined;
  readonly images: number;
  /** Images that were there before. */
  readonly kept: number;
  readonly seconds: number;
}

type Streams = Pick<Environment, "stderr" | "env" | "now">;

const SHOW_EVERY = 100;

/** The options that were given, as the manifest keeps them. */
function optionsOf({ images }: PrepareRequest): Record<string, string | number | boolean> {
  const { crop, size, channels, filter, transpose, labels, layout, imageColumn, labelColumn } = images;
  const [range, shape] = [images.range?.join(), images.shape?.join()];
  const given = {
    crop,
    size,
    channels,
    filter,
    range,
    transpose,
    labels,
    layout,
    shape,
    imageColumn,
    labelColumn,
  } satisfies Record<string, string | number | boolean | undefined>;
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Shows progress, not more often than the eye follows. */
function shown(reporter: Reporter, now: () => number, kept: () => number) {
  const started = now();
  let last = 0;
  return (done: number) => {
    const time = now();
    if (time - last < SHOW_EVERY) return;
    last = time;
    const seconds = (time - started) / 1000;
    const rate = seconds > 0.5 ? { imagesPerSecond: Math.round((done - kept()) / seconds) } : {};
    reporter.progress({ done, ...rate });
  };
}

/** Shows how data is fetched: a bar where the end is known, else a message, each once. */
export function fetching(reporter: Reporter): OnProgress {
  let stage: string | undefined;
  return (text, fraction) => {
    const known = fraction !== undefined && fraction < 1;
    if (text !== stage && known) reporter.stage({ name: text, total: 100, unit: "%" });
    else if (text !== stage) reporter.message(text);
    stage = text;
    if (known) reporter.progress({ done: Math.floor(100 * fraction) });
  };
}

async function prepareSplit(
  request: PrepareRequest,
  split: string,
  { stderr, env, now }: Streams,
  signal: AbortSignal,
): Promise<PreparedSplit> {
  const { format, out, images, shardBytes, skipBad, verify } = request;
  const reporter = reporterFor(stderr, now);
  const directory = join(out, split);
  const onMessage = (text: string) => reporter.message(text);
  const unlock = openLocked(directory, onMessage, { folder: "folder", option: "--out" }, failWithoutLock);
  const started = now();
  try {
    const surroundings = { cacheDir: cacheFolder(env), onProgress: fetching(reporter), signal };
    const source = await openSource(format, { ...images, split, skipBad }, surroundings);
    if (!requireFormat(format).splits) await requireOwnImages(out, source, optionsOf(request));
    reporter.stage({ name: `preparing ${format} ${split}`, total: source.length, unit: "images" });
    let first: number | undefined;
    const show = shown(reporter, now, () => first ?? 0);
    const done = await prepare(source, {
      directory,
      options: optionsOf(request),
      ...(shardBytes === undefined ? {} : { shardBytes }),
      skipBad,
      verify,
      onMessage,
      signal,
      onProgress: (count) => {
        first ??= count;
        show(count);
      },
    });
    reporter.progress({ done: done.images });
    return { split, directory, seconds: (now() - started) / 1000, ...done, manifest: done.manifest };
  } finally {
    reporter.close();
    unlock();
  }
}

/** Prepares every split that was asked for, until `stop`. */
export async function prepareAll(
  request: PrepareRequest,
  streams: Streams,
  signal: AbortSignal,
): Promise<PreparedSplit[]> {
  const done: PreparedSplit[] = [];
  const { format, images, splits = await splitsFound(format, images.path) } = request;
  for (const split of splits) {
    done.push(await prepareSplit(request, split, streams, signal));
    if (signal.aborted) break;
  }
  await writeDatasetCard(request.out);
  return done;
}
