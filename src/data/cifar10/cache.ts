import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { readArrowFile, writeArrowFile } from "../formats/arrow-file.ts";
import { type LoadedImages, loadedImages, type OnProgress } from "../dataset.ts";
import type { Cifar10 } from "./assemble.ts";
import { pixels, shape, type Cifar10Manifest } from "./manifest.ts";

const splits = ["train", "test"] as const;
type Split = (typeof splits)[number];

/** The file that keeps a split: columns `image` [32, 32, 3] and `label`, both uint8. */
export const cacheFile = (cacheDir: string, split: Split) => join(cacheDir, `cifar10-${split}.arrow`);

const digest = ({ images, labels }: Pick<LoadedImages, "images" | "labels">) =>
  createHash("sha256").update(images).update(labels).digest("hex");

/** The hashes of the official files a split was made of: a cache of other data is no cache. */
const origin = ({ files }: Cifar10Manifest, split: Split) =>
  files.flatMap((file) => (file.split === split ? [file.sha256] : [])).join(" ");

/**
 * Writes both splits, under `directory` first, so that an interrupted run leaves its pieces there only.
 *
 * @param source Where the data came from; kept in the file.
 */
export async function writeCache(
  cacheDir: string,
  directory: string,
  data: Cifar10,
  source: string,
  manifest: Cifar10Manifest,
): Promise<void> {
  for (const split of splits) {
    const { images, labels } = data[split];
    await writeArrowFile(
      cacheFile(directory, split),
      { image: { data: images, shape }, label: { data: labels, shape: [] } },
      {
        name: "cifar10",
        split,
        shape: JSON.stringify(shape),
        sha256: digest(data[split]),
        source,
        files: origin(manifest, split),
      },
    );
  }
  for (const split of splits) await rename(cacheFile(directory, split), cacheFile(cacheDir, split));
}

function readSplit(path: string, split: Split, manifest: Cifar10Manifest): LoadedImages {
  const { columns, metadata, rows } = readArrowFile(path);
  const images = columns.get("image")?.data;
  const labels = columns.get("label")?.data;
  const expected = manifest.imagesPerFile * manifest.files.filter((file) => file.split === split).length;
  if (!(images instanceof Uint8Array) || !(labels instanceof Uint8Array) || images.length !== expected * pixels) {
    throw new RangeError(`it holds ${rows} rows of ${[...columns.keys()].join(", ")}, expected ${expected} images`);
  }
  if (metadata.get("files") !== origin(manifest, split)) throw new RangeError("it was made from other files");
  const found = digest({ images, labels });
  if (found !== metadata.get("sha256")) {
    throw new RangeError(`its hash is wrong: sha256 ${found}, expected ${metadata.get("sha256")}`);
  }
  return loadedImages({ name: "cifar10", split, shape, images, labels });
}

/** Both splits as views on the cached files; undefined when there is no cache, or it was damaged and is now removed. */
export function readCache(cacheDir: string, manifest: Cifar10Manifest, onProgress: OnProgress): Cifar10 | undefined {
  const read = (split: Split) => {
    const path = cacheFile(cacheDir, split);
    if (!existsSync(path)) return undefined;
    try {
      return readSplit(path, split, manifest);
    } catch (error) {
      rmSync(path, { force: true });
      onProgress(`WARNING: the data cache ${path} is damaged and was removed: ${(error as Error).message}`);
      return undefined;
    }
  };
  const train = read("train");
  const test = read("test");
  return train && test && { train, test };
}
