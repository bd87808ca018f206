import { loadCifar10 } from "../cifar10/load.ts";
import { classNames } from "../cifar10/manifest.ts";
import type { OnProgress } from "../dataset.ts";
import { fitPicture } from "./decode-image.ts";
import type { ImageOptions } from "./options.ts";
import { pixelsOf, type Source } from "./source.ts";
import { stampOf } from "./stamp.ts";

/** CIFAR-10 from the user's files, or fetched; its 180 MB are in memory as a whole, checked against known hashes. */
export async function openCifar10(
  options: ImageOptions & { readonly split: string; readonly path?: string | undefined },
  cacheDir: string,
  onProgress: OnProgress,
): Promise<Source> {
  const { path, split } = options;
  const data = await loadCifar10({ path, cacheDir, onProgress });
  const { images, labels, length, shape } = split === "train" ? data.train : data.test;
  const size = pixelsOf(shape);
  return {
    format: "cifar10",
    split,
    length,
    classes: classNames.length,
    classNames,
    files: path === undefined ? [] : [await stampOf(path)],
    async *entries() {
      for (let i = 0; i < length; i++) {
        const name = `cifar10 ${split}: image ${i}`;
        const data = images.subarray(i * size, (i + 1) * size);
        yield { name, label: labels[i]!, load: () => fitPicture({ data, shape }, name, options) };
      }
    },
  };
}
