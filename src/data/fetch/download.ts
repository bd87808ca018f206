import type { OnProgress } from "../dataset.ts";

export interface Patience {
  /** Longest time, in seconds, until the answer begins, and between two pieces of it; default 8. */
  readonly timeout?: number;
  /** Slowest rate, in bytes per second, that is worth waiting for, measured after `timeout` seconds; default 1e6. */
  readonly slowest?: number;
  /** Aborted, it ends the download. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes at `url` as they arrive.
 *
 * @throws Error when the server is silent or too slow, or refuses; what `signal` is aborted with.
 */
export async function* download(
  url: string,
  onProgress: OnProgress,
  { timeout = 8, slowest = 1e6, signal }: Patience = {},
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  const silent = () => abort.abort(new Error(`no answer within ${timeout} s`));
  let timer = setTimeout(silent, timeout * 1000);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([abort.signal, signal]) : abort.signal });
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
