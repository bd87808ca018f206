import type { Source } from "../sources/source.ts";
import { convert, type ConvertOptions } from "./convert.ts";
import type { ShardInfo } from "./manifest.ts";
import type { Finished } from "./progress.ts";
import { hashShard } from "./shard-file.ts";

/**
 * Reads a source once more and compares the hashes of its shards with those that were written, but writes nothing.
 *
 * @param all Whether these are all the shards of the source.
 * @returns The first shard that would be another one; undefined when none is.
 */
export async function differingShard(
  source: Source,
  written: readonly ShardInfo[],
  all: boolean,
  options: Omit<ConvertOptions, "write"> & { readonly layout: number },
): Promise<string | undefined> {
  const entries: Finished[] = [];
  const enough = new AbortController();
  let differing: string | undefined;
  const append = (shard: Finished) => {
    const before = written[entries.length];
    if (before ? before.sha256 !== shard.sha256 : all) differing ??= shard.file;
    entries.push(shard);
    if (differing !== undefined || (!all && entries.length >= written.length)) enough.abort();
  };
  const signal = options.signal ? AbortSignal.any([options.signal, enough.signal]) : enough.signal;
  const write: ConvertOptions["write"] = (_, shard, form) => hashShard(shard, form);
  await convert(source, { entries, append }, { ...options, write, signal });
  const missing = options.signal?.aborted || enough.signal.aborted ? undefined : written[entries.length]?.file;
  return differing ?? missing;
}
