import { type Cifar10Origin, loadCifar10, officialOrigin } from "../cifar10/load.ts";
import { filesRead } from "../cifar10/local.ts";
import { classNames } from "../cifar10/manifest.ts";
import type { OnProgress } from "../dataset.ts";
import { besides } from "./besides.ts";
import { NONE } from "./cell.ts";
import { fitPicture } from "./decode-image.ts";
import type { SourceOptions } from "./options.ts";
import { pixelsOf, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

/** CIFAR-10 from the user's files, or fetched; its 180 MB are in memory as a whole, checked against known hashes. */
export async function openCifar10(
  options: Omit<SourceOptions, "path"> & { readonly path?: string | undefined },
  cacheDir: string,
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal?: AbortSignal | undefined },
  origin: Cifar10Origin = officialOrigin,
): Promise<Source> {
  const { path, split, labelColumn } = options;
  const data = await loadCifar10({ path, cacheDir, onProgress, signal }, origin);
  const { images, labels, length, shape } = split === "train" ? data.train : data.test;
  const size = pixelsOf(shape);
  const labelled = labelColumn !== NONE;
  // The files of both splits are checked together.
  const names = origin.manifest.files.map(({ name }) => name);
  const read = path === undefined ? [] : await filesRead(path, names);
  return {
    format: "cifar10",
    split,
    length,
    ...(labelled ? { classes: classNames.length, classNames } : {}),
    files: await Promise.all(read.map(stampOf)),
    passedOver: path === undefined ? [] : await besides(path, read, { split }),
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
