import { mkdir, rm } from "node:fs/promises";
import { UsageError } from "../../base/errors.ts";
import type { OnProgress } from "../dataset.ts";
import { workDirectory } from "../fetch/work-directory.ts";
import { writingTo } from "../fetch/writing-to.ts";
import { assemble, type Cifar10 } from "./assemble.ts";
import { readCache, writeCache } from "./cache.ts";
import { asUsageError, localFiles } from "./local.ts";
import { officialCifar10, type Cifar10Manifest } from "./manifest.ts";
import { cifar10Package } from "./npm-package.ts";
import { officialArchive } from "./official-archive.ts";
import type { Cifar10Source } from "./source.ts";
import { channelMeans } from "./statistics.ts";

export interface Cifar10Options {
  /**
   * Directory with the official binary version, config `data.path`; without it, the data are fetched once and cached.
   */
  readonly path?: string | undefined;
  /** Directory of the cache; created if missing. */
  readonly cacheDir: string;
  readonly onProgress?: OnProgress;
  /** Aborted, it ends the fetching. */
  readonly signal?: AbortSignal | undefined;
}

/** The data's manifest, and its sources in order of preference; tests put their own here. */
export interface Cifar10Origin {
  readonly manifest: Cifar10Manifest;
  readonly sources: readonly Cifar10Source[];
}

export const officialOrigin: Cifar10Origin = {
  manifest: officialCifar10,
  sources: [officialArchive(), cifar10Package()],
};

/**
 * Loads CIFAR-10: 50,000 training and 10,000 test images, [N, 32, 32, 3], in the authors' order.
 *
 * Every file from any source is checked against the hash of the official binary version. If a call is interrupted, the
 * next one finds either a complete cache or none.
 *
 * @throws UsageError when a file under `path` is missing, truncated or not the official one, when no source can be
 *   reached, or when the cache cannot be written; RunError when the disk is full; what `signal` is aborted with.
 * @see Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
 */
export async function loadCifar10(
  { path, cacheDir, onProgress = () => {}, signal }: Cifar10Options,
  { manifest, sources }: Cifar10Origin = officialOrigin,
): Promise<Cifar10> {
  if (path !== undefined) {
    try {
      return await assemble(localFiles(path, manifest), manifest);
    } catch (error) {
      throw asUsageError(error);
    }
  }
  return (
    readCache(cacheDir, manifest, onProgress) ?? (await prepare(cacheDir, { manifest, sources }, onProgress, signal))
  );
}

/** Fetches the data from the first source that has it, and caches it. */
async function prepare(
  cacheDir: string,
  origin: Cifar10Origin,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Cifar10> {
  const directory = await writingTo(cacheDir, 400, async () => {
    await mkdir(cacheDir, { recursive: true });
    return workDirectory(cacheDir);
  });
  try {
    const { data, source } = await fetchFirst(origin, directory, onProgress, signal);
    await writingTo(cacheDir, 400, () => writeCache(cacheDir, directory, data, source.name, origin.manifest));
    onProgress(`${describe(data)}, from ${source.name}, cached in ${cacheDir}`, 1);
    return data;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Describes the data by numbers that a reader can compare with the known ones of CIFAR-10. */
function describe({ train, test }: Cifar10): string {
  const means = channelMeans(train).map((mean) => mean.toFixed(4));
  return `CIFAR-10: ${train.length} + ${test.length} images, channel means ${means.join(" ")}`;
}

async function fetchFirst(
  { sources, manifest }: Cifar10Origin,
  directory: string,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<{ data: Cifar10; source: Cifar10Source }> {
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      return { data: await assemble(source.fetch(manifest, directory, onProgress, signal), manifest), source };
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(`${source.name}: ${(error as Error).message}`);
      onProgress(`CIFAR-10 is not available from ${reasons.at(-1)}`);
    }
  }
  throw new UsageError(
    `CIFAR-10 cannot be fetched:\n  ${reasons.join("\n  ")}`,
    "get cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and name its folder with " +
      "--set data.path=DIR",
  );
}
