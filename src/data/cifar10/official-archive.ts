import { Readable } from "node:stream";
import { download, type Patience } from "../fetch/download.ts";
import { tarFiles } from "../fetch/tar-files.ts";
import type { Cifar10Source } from "./source.ts";

export interface ArchiveOptions extends Patience {
  readonly url?: string;
}

/**
 * The archive of the authors of CIFAR-10, 170 MB.
 *
 * A server that is silent or too slow is given up, because another source may be fast.
 */
export function officialArchive({
  url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  ...patience
}: ArchiveOptions = {}): Cifar10Source {
  return {
    name: "the official archive",
    async *fetch(manifest, _directory, onProgress, signal) {
      const names = manifest.files.map((file) => file.name);
      const source = Readable.from(download(url, onProgress, { ...patience, signal }));
      for await (const { name, bytes } of tarFiles(source, url, (name) => names.includes(name))) {
        yield { name, where: `${url}: ${name}`, bytes };
      }
    },
  };
}
