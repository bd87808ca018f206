/**
 * The statistics that samples are compared with: a file, or the features of the training images, which are kept between
 * runs.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { catchError, concat, concatMap, defer, EMPTY, map, of, tap, throwError, type Observable } from "rxjs";
import { bytes, createBatch, floats, type Batch } from "../../data/batch.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { countSpooled, ImageSpool, type SpooledBatch } from "../../data/image-spool.ts";
import { UsageError } from "../../base/errors.ts";
import { turn } from "../../base/turn.ts";
import type { Inception } from "../../quality/inception/inception.ts";
import type { Features } from "../../quality/features.ts";
import { featureStatistics } from "../../quality/statistics.ts";
import { readStatistics, writeStatistics, type DataStatistics } from "../../quality/statistics-file.ts";
import { collectFeatures } from "../../streams/collect-features.ts";
import { withCredit } from "../../streams/credit.ts";
import { evalBatches } from "../../streams/batches.ts";
import { inceptionFeatures } from "../../streams/inception-features.ts";
import { spooledImages, type SpooledImagesOptions } from "../../streams/spooled-images.ts";
import { computedBy, requireSameVersion } from "../evaluation-work.ts";
import type { RunContext, RunEvent } from "../pipeline.ts";

const nameOf = ({ name, split }: ImageDataset) => `${name} (${split})`;
const message = (text: string): RunEvent => ({ type: "message", text });

/** Path of the statistics of these images by this network. */
export function statisticsPath({ cacheDir }: RunContext, network: Inception, data: ImageDataset): string {
  const hash = createHash("sha256").update(JSON.stringify([data.shape, data.length, network.digest]));
  const name = hash.update(data.digest).digest("hex").slice(0, 16);
  return join(cacheDir, "quality", `${data.name}_${data.split}_${name}.npz`);
}

/**
 * @param remedy What to do about a file that is damaged.
 * @throws UsageError when the file cannot be read, or is of another network.
 */
async function read(path: string, network: Inception, remedy: string, signal: AbortSignal): Promise<DataStatistics> {
  let found: DataStatistics;
  try {
    found = await readStatistics(path, () => turn(signal));
  } catch (error) {
    if (signal.aborted) throw error;
    const what = (error as Error).message.split("\n")[0];
    throw new UsageError(`quality: statistics ${path} cannot be read: ${what}`, remedy, { cause: error });
  }
  const dims = found.statistics.mu.length;
  if (dims === network.dims) return found;
  throw new UsageError(
    `quality: statistics ${path} have ${dims} features, ${network.name} gives ${network.dims}`,
    "give statistics of the same network, or leave quality.statistics out to compute them over the training images",
  );
}

/** Calls statistics by the data they are of, rather than by the file they are kept in. */
function renamed({ statistics, pool3 }: DataStatistics, name: string): DataStatistics {
  return { statistics: { ...statistics, name }, pool3: pool3 && { ...pool3, name } };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** The features so far, in files of the workdir: a row of bytes an image, bound to all that they depend on. */
function featureSpool(context: RunContext, network: Inception, data: ImageDataset): ImageSpool {
  const path = join(context.workdir, "eval", "features_partial");
  const { batchSize } = context.config.quality;
  const work = { ...computedBy(context), statistics: basename(statisticsPath(context, network, data)), batchSize };
  requireSameVersion<SpooledBatch>(`${path}.jsonl`, work, data.length, countSpooled);
  mkdirSync(dirname(path), { recursive: true });
  return new ImageSpool(path, work, [1, 1, Float32Array.BYTES_PER_ELEMENT * network.dims]);
}

/** The features of a spool in order: batches with `pool3`, float32 [dims]. */
const spooledFeatures = (spool: ImageSpool, options: SpooledImagesOptions): Observable<Batch<"pool3">> =>
  spooledImages(spool, options).pipe(
    map((batch) => {
      const data = new Float32Array(bytes(batch, "image").data.slice().buffer);
      return createBatch({ pool3: { data, shape: [data.length / batch.size] } }, batch.info);
    }),
  );

/** Computes the statistics of all images, writes them, then goes on with them. */
function computed(
  context: RunContext,
  network: Inception,
  data: ImageDataset,
  path: string,
  use: (statistics: DataStatistics) => Observable<RunEvent>,
): Observable<RunEvent> {
  const { config, signal } = context;
  const { batchSize } = config.quality;
  const name = nameOf(data);
  const spool = featureSpool(context, network, data);
  const keep = async (pool3: Features): Promise<DataStatistics> => {
    whole = true;
    const found = { statistics: await featureStatistics(pool3, () => turn(signal)), pool3 };
    mkdirSync(dirname(path), { recursive: true });
    await writeStatistics(path, found);
    spool.remove();
    return found;
  };
  let whole = false;
  const before = spool.images > 0 ? [message(`quality: continuing after the features of ${spool.images} of ${data.length} images`)] : []; // prettier-ignore
  const damage = spool.damage === undefined ? [] : [message(`warning: ${spool.damage}: it is computed again`)];
  const work = withCredit(2, (credit) =>
    concat(
      spool.images > 0 ? spooledFeatures(spool, { batchSize, signal }) : EMPTY,
      evalBatches(data, "image", { batchSize, from: spool.batches, signal, credit }).pipe(
        inceptionFeatures(network, { batchSize, signal }),
        credit.refund(),
        tap((batch) => spool.append(bytesOf(floats(batch, "pool3").data))),
      ),
    ).pipe(
      collectFeatures(["pool3"], { stage: `features of ${name}`, name, total: data.length }, ({ pool3 }) =>
        concat(
          of(message(`quality: keeping the features of ${name} in ${path}`)),
          defer(() => keep(pool3)).pipe(concatMap(use)),
        ),
      ),
    ),
  );
  const stopped = () =>
    `quality: stopped while computing features; the next start continues after the features of ${spool.images}`;
  const told = defer(() => (whole || !signal.aborted ? EMPTY : of(message(stopped()))));
  return concat(
    of(...damage, ...before),
    work.pipe(
      catchError((error: unknown) =>
        concat(
          told,
          throwError(() => error),
        ),
      ),
    ),
    told,
  );
}

/**
 * Finds the statistics of the data for `use`: those of `quality.statistics`, else those kept from a run before, else
 * computed over all images.
 *
 * Errors with UsageError when a file cannot be read or is of another network.
 */
export function withStatistics(
  context: RunContext,
  network: Inception,
  data: ImageDataset,
  use: (statistics: DataStatistics) => Observable<RunEvent>,
): Observable<RunEvent> {
  return defer(() => {
    const given = context.config.quality.statistics;
    const path = given ?? statisticsPath(context, network, data);
    if (given === undefined && !existsSync(path)) return computed(context, network, data, path, use);
    const told = of(message(`quality: statistics of the data: ${path}`));
    const found = async () => {
      if (given) return read(path, network, "give another file with quality.statistics", context.signal);
      const kept = await read(path, network, "remove the file, it is computed again", context.signal);
      return renamed(kept, nameOf(data));
    };
    return concat(told, defer(found).pipe(concatMap(use)));
  });
}
