/** The readers that are fed with damaged files, and what they read when it is whole. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { readNpz } from "../../../src/data/formats/npz.ts";
import { readManifest } from "../../../src/data/prepare/manifest.ts";
import { readLayout } from "../../../src/data/prepare/shard-layout.ts";
import { openSource } from "../../../src/data/sources/formats.ts";
import { readArrowMetadata } from "../../../src/data/formats/arrow-metadata.ts";
import { readArrowFile } from "../../../src/data/formats/arrow-file.ts";
import { readStoredConfig } from "../../../src/run/config-file.ts";
import { fromIPC } from "../../../src/data/batch.ts";

/** Reads all that a file has. */
type Read = (path: string) => unknown;

const images =
  (format: string): Read =>
  async (path) => {
    const surroundings = { cacheDir: dirname(path), onProgress: () => {} };
    const source = await openSource(format, { path, split: "train" }, surroundings);
    for await (const entry of source.entries()) await entry.load();
  };

export const readers = {
  arrow: images("arrow"),
  parquet: images("parquet"),
  tfrecords: images("tfrecords"),
  arrays: images("arrays"),
  webdataset: images("webdataset"),
  checkpoint: async (path) => (readArrowFile(path), readArrowMetadata(path)),
  shard: readLayout,
  manifest: (path) => readManifest(dirname(path)),
  progress: readProgress,
  config: (path) => readStoredConfig(dirname(path)),
  npz: (path) => readNpz(path),
  batch: (path) => fromIPC(new Uint8Array(readFileSync(path))),
} satisfies Record<string, Read>;

export type ReaderName = keyof typeof readers;

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const fixture = (name: string) => at(`../../../test/data/sources/fixtures/${name}`);
const corpus = (name: string) => at(`../corpus/${name}`);

/** A whole file of a format, and the name under which its reader finds it. */
export interface Sample {
  readonly reader: ReaderName;
  readonly from: string;
}

const ofFixtures = (reader: ReaderName, ...names: string[]): Sample[] =>
  names.map((name) => ({ reader, from: fixture(name) }));
const ofCorpus = (reader: ReaderName, ...names: string[]): Sample[] =>
  names.map((name) => ({ reader, from: corpus(name) }));

export const samples: readonly Sample[] = [
  ...ofCorpus("arrow", "slow-arrow-7-1-pixels.arrow", "slow-arrow-7-119-lists.arrow", "slow-arrow-7-122-zstd.arrow"),
  ...ofFixtures("arrow", "pixels.arrow", "lists.arrow", "hub.arrow", "lz4.arrow", "nested.arrow", "null.arrow"),
  ...ofFixtures("parquet", "none.parquet", "lz4.parquet", "lists.parquet"),
  ...ofFixtures("tfrecords", "packed.tfrecords"),
  ...ofFixtures("arrays", "grey.npy", "packed.npz"),
  ...ofFixtures("npz", "stored.npz"),
];
