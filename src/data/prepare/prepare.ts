import { realpathSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { processors } from "../../base/processors.ts";
import { UsageError } from "../../base/errors.ts";
import { FILE_NAMES } from "../sources/file-names.ts";
import type { Source } from "../sources/source.ts";
import { convert, layoutOfShards, NAMED, sum } from "./convert.ts";
import { changeOf, changeOfUnfinished, sameTask } from "./change.ts";
import {
  hasManifest,
  leftText,
  manifestFile,
  readableManifest,
  writeManifest,
  type Manifest,
  type ShardInfo,
  type Work,
} from "./manifest.ts";
import { differingShard } from "./compare.ts";
import { forget, isWhole, resume, savedShards, type Finished, type Left } from "./progress.ts";
import { channelStatistics } from "./statistics.ts";

/** Options of {@link prepare}. */
export interface PrepareOptions {
  /** Folder of the shards; created if missing. */
  readonly directory: string;
  /** Options with which the pictures were made; stored in the manifest. */
  readonly options?: Work["options"];
  /** Largest size of a shard's images, default 32 MiB. Three of them are in memory at once. */
  readonly shardBytes?: number;
  /** Leave out bad images and count them, instead of failing at the first. */
  readonly skipBad?: boolean;
  /** Read the sources again and compare hashes, even if names, sizes and times have not changed. */
  readonly verify?: boolean;
  /** Images loaded at once, default 8 per core. */
  readonly window?: number;
  /** Receives the number of images written or being written, and the number left out. */
  readonly onProgress?: (done: number, skipped: number) => void;
  readonly onMessage?: (text: string) => void;
  /** Once aborted, the work ends at the next image; complete shards are kept. */
  readonly signal?: AbortSignal | undefined;
}

/** The result of {@link prepare}. */
export interface Prepared {
  /** Absent if the work was stopped. */
  readonly manifest?: Manifest;
  /** Images in complete shards. */
  readonly images: number;
  /** Images in shards from an earlier call. */
  readonly kept: number;
}

/**
 * Converts a source to Arrow shards and a manifest, one shard after another. Memory does not grow with the data.
 *
 * After an interruption, the same call resumes after the last complete shard. If everything is done, it does nothing.
 *
 * @throws UsageError when the folder holds other data; BadDataError at the first bad image unless `skipBad`.
 */
export async function prepare(source: Source, options: PrepareOptions): Promise<Prepared> {
  const { directory, shardBytes = 32 * 1024 * 1024, skipBad = false, onMessage } = options;
  const work = workOf(source, options.options ?? {}, shardBytes);
  await mkdir(directory, { recursive: true });
  requireApart(directory, source);
  const { window = 8 * processors().count, onProgress = () => {}, signal } = options;
  const how = { directory, shardBytes, skipBad, window, onProgress, signal };
  let done = hasManifest(directory) ? await checkDone(directory, work, onMessage) : undefined;
  const written = done?.shards ?? savedShards(directory, work);
  if (options.verify && written.length > 0) {
    const layout = done ? (done.layout ?? 1) : layoutOfShards(savedShards(directory, work));
    const differing = await differingShard(source, written, done !== undefined, { ...how, layout });
    if (signal?.aborted) return { images: sum(written.map(({ count }) => count)), kept: 0 };
    onMessage?.(
      differing === undefined
        ? `the images of ${directory} are those of the sources, by their hashes`
        : `the images for ${differing} changed: everything is prepared again`,
    );
    if (differing !== undefined) beginAnew(directory);
    if (differing !== undefined) done = undefined;
  }
  if (done) {
    refuseGaps(directory, [done.skipped], skipBad);
    return { manifest: done, images: done.count, kept: done.count };
  }
  const progress = await resume(directory, work, onMessage);
  const before = progress.entries.map(({ skipped }) => skipped);
  refuseGaps(directory, before, skipBad);
  const kept = sum(progress.entries.map(({ count }) => count));
  if (kept > 0) onMessage?.(`continuing after ${kept} images in ${progress.entries.length} finished shards`);
  const rest = await convert(source, progress, how);
  const images = sum(progress.entries.map(({ count }) => count));
  if (!rest) return { images, kept };
  if (images === 0) {
    const reasons = rest.first.slice(0, 5).map(({ where, reason }) => `\n  ${where}: ${reason}`);
    throw new UsageError(
      `${work.format}, split ${work.split}: no image${reasons.join("")}`,
      "check --from and --format",
    );
  }
  const manifest = summarize(work, source, progress.entries, rest);
  await writeManifest(directory, manifest);
  return { manifest, images, kept };
}

/**
 * Refuses to write shards beside Arrow files that they are made of: such files may have names of shards, which are
 * removed, and shards would be read as sources.
 *
 * @throws UsageError
 */
function requireApart(directory: string, { files }: Source): void {
  const folder = realpathSync(directory);
  const inside = files.find(({ path }) => FILE_NAMES.arrow.test(path) && realpathSync(dirname(path)) === folder);
  if (!inside) return;
  throw new UsageError(`${inside.path} lies in the folder of the shards, ${directory}`, "use another --out");
}

/** Form of the resizing: 1 left all of it to libvips, 2 let JPEG decoders shrink less. */
const RESIZING = 3;

function workOf(source: Source, options: Work["options"], shardBytes: number): Work {
  const { format, formatFile, split, version, from, files } = source;
  const own = formatFile === undefined ? {} : { formatFile };
  const known = { ...(version === undefined ? {} : { version }), ...(from === undefined ? {} : { from }) };
  const resizing = options["size"] === undefined ? {} : { resizing: RESIZING };
  return { format, ...own, split, ...known, options, files: [...files], shardBytes, ...resizing };
}

const filesIn = (left: readonly Left[]) => sum(left.map(({ files = 0 }) => files));

/** @throws UsageError when something was left out earlier and the user does not say so now. */
function refuseGaps(directory: string, left: readonly Left[], skipBad: boolean): void {
  const gaps = leftText({ count: sum(left.map(({ count }) => count)), files: filesIn(left) });
  if (gaps === "" || skipBad) return;
  throw new UsageError(
    `${directory}: the existing shards leave out ${gaps}`,
    "use --skip-bad again, or prepare whole data with another --out",
  );
}

/** The manifest, when it is of this work and its shards are whole; undefined when shards have to be made again. */
async function checkDone(
  directory: string,
  work: Work,
  onMessage: (text: string) => void = () => {},
): Promise<Manifest | undefined> {
  const manifest = await readableManifest(directory);
  if (!manifest) {
    onMessage(`${manifestFile(directory)} is damaged and is written again`);
    return undefined;
  }
  if (!sameTask(manifest.work, work)) {
    throw new UsageError(
      `${directory} holds other data: ${manifest.work.format}, split ${manifest.work.split}, or other files or options`,
      "use another --out, or remove the folder",
    );
  }
  let change = changeOf(manifest.work, work);
  if (change === undefined) {
    const whole = await allWhole(directory, manifest.shards);
    if (whole) return manifest;
    change = changeOfUnfinished(manifest.work, work);
  }
  if (change !== undefined) {
    onMessage(`${change}: everything is prepared again`);
    beginAnew(directory);
  }
  return undefined;
}

async function allWhole(directory: string, shards: readonly ShardInfo[]): Promise<boolean> {
  for (const shard of shards) if (!(await isWhole(directory, shard))) return false;
  return true;
}

/** Forgets what was prepared; the manifest first, so that no one reads shards that are being replaced. */
function beginAnew(directory: string): void {
  rmSync(manifestFile(directory), { force: true });
  forget(directory);
}

/** Lists the content beside the images, and among them, that was not read. */
function passedBy({ passedOver, passedInside }: Source): Pick<Manifest, "passedOver"> {
  if (!passedOver && !passedInside) return {};
  const all = [...(passedOver ?? []), ...(passedInside?.() ?? [])];
  return { passedOver: all.map((one) => ({ ...one, first: [...one.first] })) };
}

function summarize(work: Work, source: Source, shards: readonly Finished[], rest: Left): Manifest {
  const skipped = [...shards.map((shard) => shard.skipped), rest];
  const { classNames } = source;
  const { shape, labelled, layout = 1 } = shards[0]!;
  const count = sum(shards.map((shard) => shard.count));
  const { means, deviations } = channelStatistics(shards, count * shape[0] * shape[1]);
  const classes = Math.max(0, ...shards.map((shard) => shard.classCounts?.length ?? 0));
  const inClass = (label: number) => sum(shards.map(({ classCounts }) => classCounts?.[label] ?? 0));
  return {
    kind: "scorestream-shards",
    ...(layout === 1 ? {} : { layout }),
    work,
    shape: [...shape],
    count,
    shards: shards.map(({ file, count, bytes, sha256 }) => ({ file, count, bytes, sha256 })),
    channelMeans: means,
    channelDeviations: deviations,
    ...(labelled ? { classCounts: Array.from({ length: classes }, (_, label) => inClass(label)) } : {}),
    ...(classNames ? { classNames: [...classNames] } : {}),
    skipped: {
      count: sum(skipped.map(({ count }) => count)),
      files: filesIn(skipped),
      first: skipped.flatMap(({ first }) => first).slice(0, NAMED),
    },
    ...passedBy(source),
  };
}
