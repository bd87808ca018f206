import { join } from "node:path";
import type { ProgressFile } from "../formats/progress-file.ts";
import { BadDataError } from "../sources/bad-data.ts";
import { pixelsOf, type Source } from "../sources/source.ts";
import { loadAhead, type LoadedEntry } from "./load-ahead.ts";
import type { Finished, Left } from "./progress.ts";
import { ShardBuilder } from "./shard-builder.ts";
import { LAYOUT, writeShard, type ShardData, type ShardForm } from "./shard-file.ts";
import { channelSums, countClasses } from "./statistics.ts";

/** Number of bad images and files that are named for a shard, and in the manifest. */
export const NAMED = 100;

export interface ConvertOptions {
  readonly directory: string;
  /** Largest size of a shard's images. */
  readonly shardBytes: number;
  readonly skipBad: boolean;
  /** Images loaded at once. */
  readonly window: number;
  readonly onProgress: (done: number, skipped: number) => void;
  /** Form of the shards, where it is not that of those that are there. */
  readonly layout?: number | undefined;
  /** Takes a shard in place of writing it. */
  readonly write?: typeof writeShard | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const nothing: Left = { count: 0, files: 0, first: [] };

function withFault({ count, files = 0, first }: Left, { where, reason, lost, whole }: BadDataError): Left {
  return {
    count: count + lost,
    files: files + Number(whole),
    first: first.length < NAMED ? [...first, { where, reason, lost }] : first,
  };
}

/** The shards so far. */
export type Shards = Pick<ProgressFile<Finished>, "entries" | "append">;

/** The form of shards that are there already; without any, that of new ones. */
export const layoutOfShards = (shards: readonly { readonly layout?: number | undefined }[]): number =>
  shards[0] ? (shards[0].layout ?? 1) : LAYOUT;

/** Writes a shard and sums it up for the manifest. */
async function finish(
  { directory, write = writeShard }: ConvertOptions,
  form: ShardForm,
  index: number,
  data: ShardData,
) {
  const { shape, images, labels } = data;
  const file = `shard-${String(index).padStart(5, "0")}.arrow`;
  const { bytes, sha256 } = await write(join(directory, file), data, form);
  const count = images.length / pixelsOf(shape);
  const more = labels ? { labelled: true, classCounts: countClasses(labels) } : { labelled: false };
  const known = { file, count, bytes, sha256, layout: form.layout, shape };
  return { ...known, ...channelSums(images, shape[2]), ...more };
}

/** Fills shard after shard; one is written while the next is filled. */
class Conversion {
  readonly #source: Source;
  readonly #progress: Shards;
  readonly #options: ConvertOptions;
  readonly #form: ShardForm;
  #builder: ShardBuilder | undefined;
  /** Entries of the source so far. */
  #entries: number;
  #shards: number;
  #images: number;
  #skipped: number;
  /** Left out since the last shard. */
  #left = nothing;
  #writing = Promise.resolve();

  constructor(source: Source, progress: Shards, options: ConvertOptions) {
    [this.#source, this.#progress, this.#options] = [source, progress, options];
    const { layout = layoutOfShards(progress.entries) } = options;
    this.#form = { layout, classNames: source.classNames };
    const last = progress.entries.at(-1);
    if (last) this.#builder = this.#build(last.shape, last.labelled);
    this.#entries = last?.entries ?? 0;
    this.#shards = progress.entries.length;
    this.#images = sum(progress.entries.map(({ count }) => count));
    this.#skipped = sum(progress.entries.map(({ skipped }) => skipped.count));
  }

  get entries(): number {
    return this.#entries;
  }

  #build(shape: Finished["shape"], labelled: boolean): ShardBuilder {
    return new ShardBuilder(shape, labelled, this.#options.shardBytes, this.#source.classes);
  }

  /** Takes a picture or leaves it out. @throws BadDataError when that was not asked for. */
  async add({ entry, result }: LoadedEntry): Promise<void> {
    this.#entries++;
    const fault = result instanceof BadDataError ? result : this.#place(entry, result);
    if (fault && !this.#options.skipBad) throw fault;
    if (fault) {
      this.#left = withFault(this.#left, fault);
      this.#skipped += fault.lost;
    }
    if (this.#builder?.full) await this.#flush(this.#builder);
    this.#options.onProgress(this.#images, this.#skipped);
  }

  #place(entry: LoadedEntry["entry"], picture: Exclude<LoadedEntry["result"], BadDataError>): BadDataError | undefined {
    this.#builder ??= this.#build(this.#source.shape ?? picture.shape, entry.label !== undefined);
    const fault = this.#builder.fault(entry, picture);
    if (fault) return fault;
    this.#builder.add(entry, picture);
    this.#images++;
    return undefined;
  }

  /** Begins to write what has been collected, once the shard before is written. */
  async #flush(builder: ShardBuilder): Promise<void> {
    const [data, index, entries, skipped] = [builder.take(), this.#shards++, this.#entries, this.#left];
    this.#left = nothing;
    await this.#writing;
    this.#writing = finish(this.#options, this.#form, index, data).then((info) =>
      this.#progress.append({ ...info, entries, skipped }),
    );
    // Awaited before the next and at the end; until then a failure is not unhandled.
    this.#writing.catch(() => {});
  }

  /** Writes the last shard. @returns What was left out behind it. */
  async end(): Promise<Left> {
    if (this.#builder && this.#builder.count > 0) await this.#flush(this.#builder);
    await this.#writing;
    return this.#left;
  }

  /** Waits for the shard being written, so that it is kept when the work ends early. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => {});
  }
}

/** Passes over entries that are in shards already; they are found again but not decoded. */
async function* behind<T>(entries: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let index = 0;
  for await (const entry of entries) if (index++ >= count) yield entry;
}

/**
 * Converts what of the source is not yet in whole shards; `progress` gets an entry for every shard.
 *
 * @returns What was left out behind the last shard; undefined when it was stopped before the end of the source.
 * @throws BadDataError at the first bad image unless `skipBad`.
 */
export async function convert(source: Source, progress: Shards, options: ConvertOptions): Promise<Left | undefined> {
  const conversion = new Conversion(source, progress, options);
  try {
    for await (const loaded of loadAhead(behind(source.entries(), conversion.entries), options.window)) {
      if (options.signal?.aborted) return undefined;
      await conversion.add(loaded);
    }
    return await conversion.end();
  } finally {
    await conversion.settle();
  }
}
