import { concatMap, lastValueFrom, take, tap, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, type Batch } from "../../src/data/batch.ts";
import { type ImageDataset, loadedImages } from "../../src/data/dataset.ts";
import { openSplits } from "../../src/data/prepare/open-splits.ts";
import { prepare } from "../../src/data/prepare/prepare.ts";
import { permutation, randomKey } from "../../src/base/random.ts";
import { credit } from "../../src/streams/credit.ts";
import { evalBatches, trainBatches, type TrainBatchesOptions } from "../../src/streams/batches.ts";
import { join } from "node:path";
import { made, temporaryFolder, valuesOf } from "../data/prepare/fixture.ts";

const N = 23;
const PIXELS = 60;

/** 23 images in shards of ten, and six for evaluation. */
async function stored(): Promise<{ train: ImageDataset; test: ImageDataset }> {
  const folder = temporaryFolder();
  await prepare(made({ length: N }), { directory: join(folder, "train"), shardBytes: 600 });
  await prepare({ ...made({ length: 6 }), split: "test" }, { directory: join(folder, "test"), shardBytes: 600 });
  return openSplits(folder, 0.1);
}

/** The same images in memory. */
const loaded = loadedImages({
  ...{ name: "made", split: "train", shape: [4, 5, 3] },
  images: Uint8Array.from(
    valuesOf(
      Array.from({ length: N }, (_, i) => i),
      PIXELS,
    ),
  ),
});

const options: TrainBatchesOptions = { batchSize: 4, shards: 2, seed: 3, from: 0, to: 12 };
type Read = readonly { readonly info: unknown; readonly values: readonly number[] }[];
const read = (batches: readonly Batch<"image">[]): Read =>
  batches.map((batch) => ({ info: batch.info, values: [...bytes(batch, "image").data] }));
const all = async (data: ImageDataset, over: Partial<TrainBatchesOptions> = {}) =>
  read(await lastValueFrom(trainBatches(data, "image", { ...options, ...over }).pipe(toArray())));

describe("batches of stored images", () => {
  it("are those of the same images in memory: order, shards, epochs", async () => {
    const { train } = await stored();
    const batches = await all(train);
    expect(batches).toEqual(await all(loaded));
    const epoch = (e: number) => [...permutation(randomKey(3, "shuffle", e), N)];
    const order = [...epoch(0), ...epoch(1), ...epoch(2)].slice(0, 48);
    expect(batches.flatMap(({ values }) => values)).toEqual(valuesOf(order, PIXELS));
    expect(order.slice(0, N).toSorted((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, i) => i));
    train.close();
  });

  it("go on at any step", async () => {
    const { train } = await stored();
    const whole = await all(train);
    for (const from of [1, 5, 6, 11]) expect(await all(train, { from })).toEqual(whole.slice(2 * from));
    train.close();
  });

  it("of two nodes have no image in common in an epoch", async () => {
    const { train } = await stored();
    const batches = await all(train, { to: 5 });
    const node = (shard: number) => batches.filter((_, i) => i % 2 === shard).map(({ values }) => values.join());
    const [one, other] = [node(0), node(1)];
    expect(new Set([...one, ...other]).size).toBe(10);
    expect(one.filter((values) => other.includes(values))).toEqual([]);
    train.close();
  });

  it("for evaluation come in order, the last one smaller", async () => {
    const { test } = await stored();
    const batches = read(await lastValueFrom(evalBatches(test, "image", { batchSize: 4 }).pipe(toArray())));
    expect(batches.map(({ values }) => values)).toEqual([valuesOf([0, 1, 2, 3], PIXELS), valuesOf([4, 5], PIXELS)]);
    test.close();
  });

  it("end at the border of a step once stopped, also those that were read ahead", async () => {
    const { train } = await stored();
    const stop = new AbortController();
    const source = trainBatches(train, "image", { ...options, signal: stop.signal });
    const batches = source.pipe(tap(({ info }) => void (info.step === 2 && info.shard === 0 && stop.abort())));
    expect((await lastValueFrom(batches.pipe(toArray()))).at(-1)!.info).toMatchObject({ step: 2, shard: 1 });
    train.close();
  });

  it("are read a few ahead, no more", async () => {
    const { train } = await stored();
    let [reads, trained, most] = [0, 0, 0];
    const watched: ImageDataset = { ...train, load: (indices) => (reads++, train.load(indices)) };
    const credits = credit(2);
    const source = trainBatches(watched, "image", { ...options, to: 40, credit: credits });
    expect(reads).toBe(0);
    const slow = source.pipe(
      concatMap(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, reads - trained++);
      }),
      credits.refund(),
    );
    await lastValueFrom(slow);
    expect([reads, trained]).toEqual([80, 80]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
    reads = 0;
    await lastValueFrom(trainBatches(watched, "image", options).pipe(take(1)));
    expect(reads).toBeLessThanOrEqual(5);
    train.close();
  });

  it("pass on what is wrong with a shard", async () => {
    const { train } = await stored();
    const broken: ImageDataset = { ...train, load: () => Promise.reject(new Error("shard-00001.arrow is cut short")) };
    await expect(all(broken)).rejects.toThrow("shard-00001.arrow is cut short");
    train.close();
  });
});
