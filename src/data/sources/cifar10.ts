import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { loadCifar10 } from "../cifar10/load.ts";
import { classNames } from "../cifar10/manifest.ts";
import type { OnProgress } from "../dataset.ts";
import { besides } from "./besides.ts";
import { NONE } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import type { SourceOptions } from "./options.ts";
import { pixelsOf, type FileStamp, type Source } from "./source.ts";
import { stampOf, statOf } from "./stamp.ts";

/** Stamps of the archive, or of those files in a folder that the images may be from. */
async function stampsOf(path: string): Promise<FileStamp[]> {
  if (!(await statOf(path)).isDirectory()) return [await stampOf(path)];
  const folders = [path, join(path, "cifar-10-batches-bin")].filter((folder) => existsSync(folder));
  const names = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  );
  const files = names
    .flat()
    .filter((name) => /[/\\](cifar-10-binary\.tar\.gz|(data_batch_\d|test_batch)\.bin)$/.test(name))
    .sort();
  return Promise.all(files.map(stampOf));
}

/** CIFAR-10 from the user's files, or fetched; its 180 MB are in memory as a whole, checked against known hashes. */
export async function openCifar10(
  options: Omit<SourceOptions, "path"> & { readonly path?: string | undefined },
  cacheDir: string,
  onProgress: OnProgress,
): Promise<Source> {
  const { path, split, labelColumn } = options;
  const data = await loadCifar10({ path, cacheDir, onProgress });
  const { images, labels, length, shape } = split === "train" ? data.train : data.test;
  const size = pixelsOf(shape);
  const labelled = labelColumn !== NONE;
  const files = path === undefined ? [] : await stampsOf(path);
  return {
    format: "cifar10",
    split,
    length,
    ...(labelled ? { classes: classNames.length, classNames } : {}),
    files,
    // The files of both splits are checked together.
    passedOver:
      path === undefined
        ? []
        : await besides(
            path,
            files.map((file) => file.path),
            { split },
          ),
    async *entries() {
      for (let i = 0; i < length; i++) {
        const name = `cifar10 ${split}: image ${i}`;
        const data = images.subarray(i * size, (i + 1) * size);
        yield {
          name,
          ...(labelled ? { label: labels[i]! } : {}),
          load: () => fitPicture({ data, shape }, name, options),
        };
      }
    },
  };
}
