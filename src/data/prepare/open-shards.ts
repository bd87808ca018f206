import { existsSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { Shape } from "../sources/source.ts";
import { pixelsOf } from "../sources/source.ts";
import { OpenFiles } from "./open-files.ts";
import { ShardHashes } from "./shard-hashes.ts";
import { readManifest, type Manifest, type ShardInfo } from "./manifest.ts";
import { prepareAgain } from "./prepare-again.ts";
import { readLayout, type ShardLayout } from "./shard-layout.ts";

/** Images in shards, read from the disk by their indices; a shuffle over all of them needs no memory for them. */
export interface ShardedImages {
  readonly manifest: Manifest;
  /** Number of images. */
  readonly length: number;
  readonly shape: Shape;
  readonly labelled: boolean;
  /**
   * Images by index, in the order asked for, [B, H, W, C].
   *
   * @param into Where they go; memory that is used again is several times as fast as new.
   * @throws RangeError when an index is out of range, or `into` has another length.
   */
  gather(indices: ArrayLike<number>, into?: Uint8Array): Uint8Array;
  /** Like {@link gather}, but the system's threads read in the order of the files while something else is done. */
  load(indices: ArrayLike<number>): Promise<Uint8Array>;
  /** Images [first, first + count), [count, H, W, C], read like {@link gather}. */
  read(first: number, count: number, into?: Uint8Array): Uint8Array;
  /** Classes by index, [B]. @throws RangeError without labels, or when an index is out of range. */
  labels(indices: ArrayLike<number>): Int32Array;
  /** Closes the files; the data can still be read, which opens them again. */
  close(): void;
}

/** Reads until the end or all of `out`. @returns Bytes read. */
function readExactly(file: number, out: Uint8Array, position: number): number {
  let at = 0;
  while (at < out.length) {
    const count = readSync(file, out, at, Math.min(out.length - at, 1 << 30), position + at);
    if (count === 0) break;
    at += count;
  }
  return at;
}

/** @throws UsageError when a shard is missing, has another size than it was written with, or is not as full as it must be. */
function checkSizes(directory: string, shards: readonly ShardInfo[], remedy: string): void {
  const each = shards[0]?.count ?? 0;
  for (const [i, { file, bytes, count }] of shards.entries()) {
    const path = join(directory, file);
    if (count !== each && !(i === shards.length - 1 && count < each)) {
      throw new UsageError(`${path} holds ${count} images, but each shard before it ${each}`, remedy);
    }
    if (!existsSync(path)) throw new UsageError(`${path} is missing`, remedy);
    const { size } = statSync(path);
    if (size === bytes) continue;
    throw new UsageError(`${path} is ${size < bytes ? "cut short" : "too long"}: ${size} of ${bytes} bytes`, remedy);
  }
}

/**
 * Opens what `prepare` wrote. Sizes are checked now, the hash of each shard when it is first used.
 *
 * @throws UsageError when there is no manifest, or a shard is missing, cut short or of other images.
 */
export async function openShards(directory: string): Promise<ShardedImages> {
  const manifest = await readManifest(directory);
  const { shards, shape, count: length, skipped } = manifest;
  const remedy = prepareAgain(directory, manifest.work, skipped.count > 0 || skipped.files > 0);
  const cutShort = (path: string, end: number) =>
    new UsageError(`${path} is cut short: it ends at byte ${end}`, remedy);
  checkSizes(directory, shards, remedy);
  const paths = shards.map(({ file }) => join(directory, file));
  const files = new OpenFiles();
  const hashes = new ShardHashes(directory, shards, remedy);
  const layouts: (ShardLayout | undefined)[] = [];
  const width = pixelsOf(shape);
  // All shards but the last have the same size, so a division finds the shard of an index.
  const each = shards[0]?.count ?? 1;

  const layout = (shard: number): ShardLayout =>
    (layouts[shard] ??= checkedLayout(paths[shard]!, shards[shard]!, { width, remedy }));
  const wholeLayout = (shard: number): ShardLayout => {
    hashes.now(shard);
    return layout(shard);
  };
  /** Values [first, first + count) of one shard into `out`. */
  const copy = (shard: number, start: number, bytes: number, first: number, out: Uint8Array) => {
    const from = start + first * bytes;
    const found = readExactly(files.get(paths[shard]!), out, from);
    if (found < out.length) throw cutShort(paths[shard]!, from + found);
  };

  const check = (index: number) => {
    if (Number.isInteger(index) && index >= 0 && index < length) return;
    throw new RangeError(`image ${index} is out of range: there are ${length}`);
  };

  /** Calls `each` for every run of indices that follow one another in a shard. */
  const runs = (
    indices: ArrayLike<number>,
    take: (shard: number, first: number, at: number, count: number) => void,
  ) => {
    for (let at = 0; at < indices.length;) {
      const index = indices[at]!;
      check(index);
      const shard = Math.floor(index / each);
      const first = index - shard * each;
      let count = 1;
      while (at + count < indices.length && indices[at + count] === index + count && first + count < each) count++;
      check(index + count - 1);
      take(shard, first, at, count);
      at += count;
    }
  };

  return {
    manifest,
    length,
    shape,
    labelled: manifest.classCounts !== undefined,
    gather(indices, into) {
      const out = sized(into, indices.length * width);
      runs(indices, (shard, first, at, count) =>
        copy(shard, wholeLayout(shard).images, width, first, out.subarray(at * width, (at + count) * width)),
      );
      return out;
    },
    async load(indices) {
      const out = sized(undefined, indices.length * width);
      const parts: { shard: number; first: number; at: number; count: number }[] = [];
      runs(indices, (shard, first, at, count) => parts.push({ shard, first, at, count }));
      parts.sort((a, b) => a.shard - b.shard || a.first - b.first);
      const whole = [...new Set(parts.map(({ shard }) => shard))].map((shard) => hashes.check(shard));
      const read = Promise.all(
        parts.map(async ({ shard, first, at, count }) => {
          const start = layout(shard).images + first * width;
          const part = out.subarray(at * width, (at + count) * width);
          const found = await files.read(paths[shard]!, part, start);
          if (found < part.length) throw cutShort(paths[shard]!, start + found);
        }),
      );
      await Promise.all([...whole, read]);
      return out;
    },
    read(first, count, into) {
      const out = sized(into, count * width);
      for (let at = 0; at < count;) {
        check(first + at);
        check(first + count - 1);
        const shard = Math.floor((first + at) / each);
        const inShard = first + at - shard * each;
        const part = Math.min(count - at, each - inShard);
        copy(shard, wholeLayout(shard).images, width, inShard, out.subarray(at * width, (at + part) * width));
        at += part;
      }
      return out;
    },
    labels(indices) {
      const out = new Int32Array(indices.length);
      const bytes = new Uint8Array(out.buffer);
      runs(indices, (shard, first, at, count) => {
        const { labels } = wholeLayout(shard);
        if (labels === undefined) throw new RangeError(`${directory}: these images have no labels`);
        copy(shard, labels, 4, first, bytes.subarray(4 * at, 4 * (at + count)));
      });
      return out;
    },
    close: () => files.close(),
  };
}

/** `into`, or new memory, which is not cleared as all of it is written. */
function sized(into: Uint8Array | undefined, length: number): Uint8Array {
  if (into === undefined) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  if (into.length === length) return into;
  throw new RangeError(`there is room for ${into.length} values, the images have ${length}`);
}

interface Expected {
  readonly width: number;
  readonly remedy: string;
}

function checkedLayout(path: string, { count }: ShardInfo, { width, remedy }: Expected): ShardLayout {
  let found: ShardLayout;
  try {
    found = readLayout(path);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, remedy, { cause: error });
    throw error;
  }
  if (found.count === count && found.width === width) return found;
  throw new UsageError(
    `${path} holds ${found.count} images of ${found.width} values, but the manifest says ${count} of ${width}`,
    remedy,
  );
}
