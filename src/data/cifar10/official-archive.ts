import { Readable } from "node:stream";
import type { Progress } from "../dataset.ts";
import type { Source } from "./source.ts";
import { tarFiles } from "./tar-files.ts";

export interface ArchiveOptions {
  readonly url?: string;
  /** Longest time, in seconds, until the answer begins, and between two pieces of it. */
  readonly timeout?: number;
  /** Slowest rate, in bytes per second, that is worth waiting for, measured after `timeout` seconds. */
  readonly slowest?: number;
}

/**
 * The archive of the authors of CIFAR-10, 170 MB.
 *
 * A server that is silent or too slow is given up, because another source may be fast.
 */
export function officialArchive({
  url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  timeout = 8,
  slowest = 1e6,
}: ArchiveOptions = {}): Source {
  return {
    name: "the official archive",
    async *fetch(manifest, _directory, onProgress) {
      const names = manifest.files.map((file) => file.name);
      const source = Readable.from(download(url, timeout, slowest, onProgress));
      for await (const { name, bytes } of tarFiles(source, url, (name) => names.includes(name))) {
        yield { name, where: `${url}: ${name}`, bytes };
      }
    },
  };
}

async function* download(
  url: string,
  timeout: number,
  slowest: number,
  onProgress: Progress,
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  const silent = () => abort.abort(new Error(`no answer within ${timeout} s`));
  let timer = setTimeout(silent, timeout * 1000);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    const total = Number(response.headers.get("content-length") ?? 0);
    const start = performance.now();
    let received = 0;
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      clearTimeout(timer);
      received += chunk.length;
      onProgress(`fetching ${url}`, total > 0 ? received / total : undefined);
      yield chunk;
      const seconds = (performance.now() - start) / 1000;
      if (seconds > timeout && received < slowest * seconds && received < total) {
        throw new Error(`too slow: ${Math.round(received / seconds / 1000)} kB/s`);
      }
      timer = setTimeout(silent, timeout * 1000);
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
