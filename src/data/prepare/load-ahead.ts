import { BadDataError } from "../sources/bad-data.ts";
import type { SourceEntry, Picture } from "../sources/source.ts";

/** An entry with its picture, or with what is wrong with it. */
export interface LoadedEntry {
  readonly entry: SourceEntry;
  readonly result: Picture | BadDataError;
}

/** Returns the error as a result where an image may be left out; any other error ends the work. */
async function load(entry: SourceEntry): Promise<LoadedEntry> {
  try {
    return { entry, result: await entry.load() };
  } catch (error) {
    if (error instanceof BadDataError) return { entry, result: error };
    throw error;
  }
}

/**
 * Loads up to `window` entries at once, so that their decoding is spread over the cores, and gives them in order.
 *
 * Entries before an error of the source are given before the error is thrown.
 */
export async function* loadAhead(entries: AsyncIterable<SourceEntry>, window: number): AsyncGenerator<LoadedEntry> {
  const ahead: Promise<LoadedEntry>[] = [];
  const add = (entry: SourceEntry) => {
    const loading = load(entry);
    // It is awaited later; until then a failure is not unhandled.
    loading.catch(() => {});
    ahead.push(loading);
  };
  let failure: { readonly error: unknown } | undefined;
  const iterator = entries[Symbol.asyncIterator]();
  const next = async () => {
    try {
      return await iterator.next();
    } catch (error) {
      failure = { error };
      return undefined;
    }
  };
  try {
    for (let found = await next(); found && !found.done; found = await next()) {
      add(found.value);
      if (ahead.length >= window) yield await ahead.shift()!;
    }
    for (const loading of ahead) yield await loading;
  } finally {
    await iterator.return?.();
  }
  if (failure) throw failure.error;
}
