import type { Observable } from "rxjs";
import { createBatch, type Batch, type Column } from "../data/batch.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { permutation, randomKey } from "../ops/random.ts";
import type { Credit } from "./credit.ts";
import { pull } from "./pull.ts";

/** Examples to draw batches from: images as bytes, or vectors as floats. */
export interface Examples {
  readonly length: number;
  /** Values of all examples, [length, ...shape]. */
  readonly values: Column;
}

/** The first `limit` images of a data set, default all. */
export function images({ images, shape, length }: ImageDataset, limit = length): Examples {
  const count = Math.min(limit, length);
  const size = shape[0] * shape[1] * shape[2];
  return { length: count, values: { data: images.subarray(0, count * size), shape } };
}

export interface TrainBatchesOptions {
  /** Examples a step, over all shards. */
  readonly batchSize: number;
  /** Parts the batch of a step is cut into; each is emitted on its own. */
  readonly shards: number;
  readonly seed: number;
  /** First step, 0-based: a resumed run continues here. */
  readonly from: number;
  /** Step after the last. */
  readonly to: number;
  /** Completes at the next step's border once aborted. */
  readonly stop?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

function gather({ data, shape }: Column, indices: Uint32Array): Column {
  const width = shape.reduce((a, b) => a * b, 1);
  const out =
    data instanceof Uint8Array ? new Uint8Array(indices.length * width) : new Float32Array(indices.length * width);
  indices.forEach((index, i) => out.set(data.subarray(index * width, (index + 1) * width), i * width));
  return { data: out, shape };
}

/**
 * Shuffled batches without end of an epoch: sample k of the run is entry k mod N of the permutation of epoch k / N.
 *
 * So every example is seen once an epoch, no remainder is dropped, and any step can be the first.
 *
 * @param name The column: "image" for bytes, "data" for floats.
 * @returns For each step in [from, to) one batch per shard, in order.
 * @throws RangeError when `batchSize` is not a multiple of `shards`.
 */
export function trainBatches<C extends string>(
  examples: Examples,
  name: C,
  { batchSize, shards, seed, from, to, stop, credit }: TrainBatchesOptions,
): Observable<Batch<C>> {
  const size = batchSize / shards;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`trainBatches: batchSize ${batchSize} is not a multiple of shards ${shards}`);
  }
  return pull(function* () {
    let epoch = -1;
    let order: Uint32Array = new Uint32Array(0);
    const indexOf = (sample: number) => {
      const wanted = Math.floor(sample / examples.length);
      if (wanted !== epoch) {
        epoch = wanted;
        order = permutation(randomKey(seed, "shuffle", epoch), examples.length);
      }
      return order[sample % examples.length]!;
    };
    for (let step = from; step < to && !stop?.aborted; step++) {
      for (let shard = 0; shard < shards; shard++) {
        const firstSample = step * batchSize + shard * size;
        const indices = Uint32Array.from({ length: size }, (_, i) => indexOf(firstSample + i));
        const columns = { [name]: gather(examples.values, indices) } as Record<C, Column>;
        yield createBatch(columns, { step, shard, shards, firstSample });
      }
    }
  }, credit);
}

export interface EvalBatchesOptions {
  readonly batchSize: number;
  /** Passes over the examples, default 1. */
  readonly repeats?: number;
  /** First batch, counted over all passes: a resumed evaluation continues here. */
  readonly from?: number;
  readonly stop?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

/**
 * Every example once a pass, in order; the last batch of a pass may be smaller.
 *
 * `step` counts the batches over all passes, so that each draws fresh random numbers; `firstSample` starts anew.
 */
export function evalBatches<C extends string>(
  examples: Examples,
  name: C,
  { batchSize, repeats = 1, from = 0, stop, credit }: EvalBatchesOptions,
): Observable<Batch<C>> {
  return pull(function* () {
    let step = 0;
    for (let pass = 0; pass < repeats; pass++) {
      for (let first = 0; first < examples.length && !stop?.aborted; first += batchSize, step++) {
        if (step < from) continue;
        const size = Math.min(batchSize, examples.length - first);
        const indices = Uint32Array.from({ length: size }, (_, i) => first + i);
        const columns = { [name]: gather(examples.values, indices) } as Record<C, Column>;
        yield createBatch(columns, { step, shard: 0, shards: 1, firstSample: first });
      }
    }
  }, credit);
}
