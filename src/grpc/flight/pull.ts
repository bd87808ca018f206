/** Copies a prepared split from a server to shards on this machine. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { status } from "@grpc/grpc-js";
import { writeFileAtomic } from "../../data/formats/arrow-file.ts";
import { unsealJson } from "../../base/sealed-json.ts";
import { hasManifest, manifestFile, readManifest, writeManifest, type Manifest } from "../../data/prepare/manifest.ts";
import { isWhole } from "../../data/prepare/progress.ts";
import { writeShard, type ShardData } from "../../data/prepare/shard-file.ts";
import { pixelsOf, type Shape } from "../../data/sources/source.ts";
import { UsageError } from "../../base/errors.ts";
import { backoffDelay } from "../../base/backoff.ts";
import { sharedManifest } from "./catalog.ts";
import { FlightError, type FlightClient } from "./client.ts";
import { rangeBytes, type RowRange } from "./row-range.ts";
import { ticketRows } from "./rows.ts";

export interface PullOptions {
  readonly client: FlightClient;
  /** The data set and the split. */
  readonly path: readonly string[];
  /** Folder of the shards; made when missing. */
  readonly directory: string;
  /** Receives the number of images that are there. */
  readonly onProgress?: (done: number) => void;
  readonly onMessage?: (text: string) => void;
  /** Ends the work; shards that are whole are kept. */
  readonly signal?: AbortSignal;
  /** Attempts that bring no row before it gives up, default 6; smallest and largest wait between them, ms. */
  readonly attempts?: number;
  readonly backoff?: readonly [number, number];
}

export interface Pulled {
  /** Absent when it was stopped. */
  readonly manifest?: Manifest;
  /** Images in whole shards. */
  readonly images: number;
  /** Images of them that were there before. */
  readonly kept: number;
}

/** Within the directory: a folder with the manifest of what is being copied, until all is there. */
const STATE = ".pull";

/** A shard has less than 2^31 values; a manifest that says otherwise is not believed. */
const MAX_VALUES = 2 ** 31;

/** Statuses that another attempt may change: the connection broke, the server was stopped or is busy. */
const PASSING: readonly status[] = [status.UNAVAILABLE, status.CANCELLED, status.RESOURCE_EXHAUSTED, status.ABORTED];

/** The object in JSON; undefined when it is none. */
function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A manifest without folder names, which servers of earlier versions gave too; anything else as it is. */
function bare(value: unknown): unknown {
  try {
    return sharedManifest(value as Manifest);
  } catch {
    return value;
  }
}

/** @throws UsageError when the folder holds something else, finished or not. */
function claim(directory: string, value: unknown): void {
  const remedy = "use another --out, or remove the folder";
  const found = [directory, join(directory, STATE)].find(hasManifest);
  if (found !== undefined) {
    const { value: there } = unsealJson(parsed(readFileSync(manifestFile(found), "utf8")) ?? {});
    if (isDeepStrictEqual(bare(there), bare(value))) return;
    throw new UsageError(`${directory} holds data other than the server's`, remedy);
  }
  const other = readdirSync(directory).find((name) => name !== ".lock" && name !== STATE);
  if (other !== undefined) throw new UsageError(`${directory} is not empty: it has ${other}`, remedy);
}

/** The server's manifest, kept so that an interrupted copy is known again. */
async function remoteManifest({ client, path, directory }: PullOptions): Promise<Manifest> {
  const bytes = Buffer.concat(await client.action("manifest", rangeBytes({ path, first: 0 })));
  const bad = (reason: string) =>
    new FlightError(client.server, status.DATA_LOSS, `the manifest of ${path.join("/")}: ${reason}`);
  const value = parsed(bytes.toString("utf8"));
  if (value === undefined) throw bad("it is no JSON object");
  mkdirSync(directory, { recursive: true });
  claim(directory, value);
  const state = join(directory, STATE);
  mkdirSync(state, { recursive: true });
  await writeFileAtomic(manifestFile(state), [bytes]);
  try {
    return await readManifest(state);
  } catch (error) {
    rmSync(state, { recursive: true });
    throw error instanceof UsageError ? bad(error.message.split("\n")[0]!) : error;
  }
}

/** Reads rows; where a call breaks off, another goes on with the next row. */
async function fetchRows(options: PullOptions, range: Required<RowRange>, shape: Shape, labelled: boolean) {
  const { client, signal, attempts = 6, backoff = [200, 5000], onMessage } = options;
  const { path, first, count } = range;
  const width = pixelsOf(shape);
  const images = new Uint8Array(count * width);
  const labels = labelled ? new Int32Array(count) : undefined;
  const bad = (what: string) => new FlightError(client.server, status.DATA_LOSS, `${path.join("/")}: ${what}`);
  let have = 0;
  for (let attempt = 0; have < count;) {
    try {
      const ticket = { ticket: rangeBytes({ path, first: first + have, count: count - have }) };
      for await (const rows of ticketRows(client, ticket, signal)) {
        if (rows.images.length !== rows.count * width) throw bad(`its images are not of shape [${shape.join(", ")}]`);
        if ((rows.labels !== undefined) !== labelled) throw bad(`it has ${labelled ? "no labels" : "labels"}`);
        if (have + rows.count > count) throw bad("more rows came than were asked for");
        images.set(rows.images, have * width);
        if (rows.labels) labels?.set(rows.labels, have);
        have += rows.count;
        attempt = 0;
      }
      if (have < count) throw bad(`${have} rows came, ${count} were asked for`);
    } catch (error) {
      const passing = error instanceof FlightError && PASSING.includes(error.code);
      if (!passing || signal?.aborted || ++attempt >= attempts) throw error;
      if (attempt === 1) onMessage?.(`warning: ${error.message}; it is tried again`);
      await wait(backoffDelay(attempt - 1, backoff), undefined, { ...(signal && { signal }) });
    }
  }
  return { shape, images, labels } satisfies ShardData;
}

/**
 * Copies a split shard by shard; what is written has the hashes of the server's manifest, which is written last.
 *
 * Given again after an interruption it keeps the shards that are whole; given again when done it checks them.
 *
 * @throws UsageError when the folder holds other data; FlightError when a call fails lastingly, and with the code
 *   DATA_LOSS when the server's data are not what its manifest says.
 */
export async function pullDataset(options: PullOptions): Promise<Pulled> {
  const { client, path, directory, onProgress = () => {}, signal } = options;
  const manifest = await remoteManifest(options);
  const { shape, shards, classCounts, layout = 1, classNames } = manifest;
  let [images, kept] = [0, 0];
  for (const shard of shards) {
    if (signal?.aborted) return { images, kept };
    if (await isWhole(directory, shard)) kept += shard.count;
    else {
      const { file, count, sha256 } = shard;
      const name = `${path.join("/")}: ${file}`;
      const values = count * pixelsOf(shape);
      if (values >= MAX_VALUES) throw new FlightError(client.server, status.DATA_LOSS, `${name} has ${values} values`);
      const first = images;
      let data: ShardData;
      try {
        data = await fetchRows(options, { path, first, count }, shape, classCounts !== undefined);
      } catch (error) {
        if (signal?.aborted) return { images, kept };
        throw error;
      }
      const written = await writeShard(join(directory, file), data, { layout, classNames });
      if (written.sha256 !== sha256) {
        rmSync(join(directory, file));
        const why = `its sha256 is ${written.sha256}, but the manifest says ${sha256}`;
        throw new FlightError(client.server, status.DATA_LOSS, `${name}: ${why}`);
      }
    }
    images += shard.count;
    onProgress(images);
  }
  await writeManifest(directory, manifest);
  rmSync(join(directory, STATE), { recursive: true, force: true });
  return { manifest, images, kept };
}
