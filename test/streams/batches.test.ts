import { setTimeout } from "node:timers/promises";
import { concatMap, lastValueFrom, take, tap, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, column, floats, type Batch } from "../../src/data/batch.ts";
import { permutation, randomKey } from "../../src/base/random.ts";
import { credit } from "../../src/streams/credit.ts";
import { evalBatches, trainBatches, type TrainBatchesOptions } from "../../src/streams/batches.ts";
import { examplesOf } from "../../src/data/examples.ts";
import { imageExamples } from "./fixture.ts";

const N = 10;
const examples = imageExamples(N);
const options: TrainBatchesOptions = { batchSize: 4, shards: 1, seed: 3, from: 0, to: 5 };
const train = (over: Partial<TrainBatchesOptions> = {}) => trainBatches(examples, "image", { ...options, ...over });
const all = (over: Partial<TrainBatchesOptions> = {}) => lastValueFrom(train(over).pipe(toArray()));
/** The first byte tells the example, see `imageExamples`. */
const indices = (batches: readonly Batch<"image">[]) =>
  batches.flatMap((batch) => {
    const { data } = bytes(batch, "image");
    return Array.from({ length: batch.size }, (_, i) => data[6 * i]! / 7);
  });

describe("trainBatches", () => {
  it("runs through the permutation of each epoch, over the borders of batches", async () => {
    const batches = await all();
    const epoch = (e: number) => [...permutation(randomKey(3, "shuffle", e), N)];
    expect(indices(batches)).toEqual([...epoch(0), ...epoch(1)]);
    expect(epoch(0)).not.toEqual(epoch(1));
    expect(batches.map((batch) => batch.info)).toEqual(
      [0, 1, 2, 3, 4].map((step) => ({ step, shard: 0, shards: 1, firstSample: 4 * step })),
    );
  });

  it("gives whole examples", async () => {
    const [batch] = await all({ to: 1 });
    const { data, shape } = bytes(batch!, "image");
    expect(shape).toEqual([2, 3, 1]);
    const first = indices([batch!])[0]!;
    expect([...data.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 5].map((i) => 7 * first + i));
  });

  it("gives the same in parts: shards in order, resumed in the middle", async () => {
    const whole = indices(await all());
    const shards = await all({ shards: 2 });
    expect(indices(shards)).toEqual(whole);
    expect(shards.slice(0, 3).map(({ info }) => info)).toEqual([
      { step: 0, shard: 0, shards: 2, firstSample: 0 },
      { step: 0, shard: 1, shards: 2, firstSample: 2 },
      { step: 1, shard: 0, shards: 2, firstSample: 4 },
    ]);
    expect(indices(await all({ from: 3 }))).toEqual(whole.slice(12));
  });

  it("gives the same to every subscriber, other orders to other seeds", async () => {
    const source = train();
    const [a, b] = await Promise.all([0, 1].map(() => lastValueFrom(source.pipe(toArray()))));
    expect(indices(a!)).toEqual(indices(b!));
    expect(indices(await all({ seed: 4 }))).not.toEqual(indices(a!));
  });

  it("takes vectors of floats too", async () => {
    const values = Float32Array.from({ length: 6 }, (_, i) => i / 4);
    const batches = trainBatches(examplesOf(values, [2]), "data", { ...options, batchSize: 3, to: 1 });
    const [batch] = await lastValueFrom(batches.pipe(toArray()));
    expect(floats(batch!, "data").data.toSorted()).toEqual(values);
  });

  it("completes at the border of a step once stopped", async () => {
    const stop = new AbortController();
    const source = train({ shards: 2, to: 100, signal: stop.signal });
    const batches = await lastValueFrom(
      source.pipe(
        tap(({ info }) => void (info.step === 1 && info.shard === 0 && stop.abort())),
        toArray(),
      ),
    );
    expect(batches.map(({ info }) => [info.step, info.shard])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });

  it("stays within the window of a slow trainer", async () => {
    const credits = credit(2);
    let [loaded, trained, most] = [0, 0, 0];
    const run = train({ to: 30, credit: credits }).pipe(
      tap(() => (most = Math.max(most, ++loaded - trained))),
      concatMap(async () => {
        await setTimeout(1);
        trained++;
      }),
      credits.refund(),
    );
    await lastValueFrom(run);
    expect([loaded, most]).toEqual([30, 2]);
  });

  it("reads nothing before it is subscribed to, and nothing after", async () => {
    let reads = 0;
    const watched = { ...examples, load: (indices: Uint32Array) => (reads++, examples.load(indices)) };
    const source = trainBatches(watched, "image", { ...options, to: 1000 });
    expect(reads).toBe(0);
    await lastValueFrom(source.pipe(take(3)));
    await setTimeout(5);
    // Three, and four ahead.
    expect(reads).toBe(7);
  });

  it.each([
    [5, 2],
    [2, 4],
  ])("refuses a batch of %d in %d shards", (batchSize, shards) => {
    expect(() => train({ batchSize, shards })).toThrow(`batchSize ${batchSize} is not a multiple of shards ${shards}`);
  });
});

describe("evalBatches", () => {
  it("gives every example once, in order, the last batch smaller", async () => {
    const batches = await lastValueFrom(evalBatches(examples, "image", { batchSize: 4 }).pipe(toArray()));
    expect(indices(batches)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.map(({ size, info }) => [size, info.step, info.firstSample])).toEqual([
      [4, 0, 0],
      [4, 1, 4],
      [2, 2, 8],
    ]);
    expect(column(batches[2]!, "image").shape).toEqual([2, 3, 1]);
  });

  it("completes early once stopped", async () => {
    const stop = new AbortController();
    const source = evalBatches(examples, "image", { batchSize: 4, signal: stop.signal }).pipe(tap(() => stop.abort()));
    expect(await lastValueFrom(source.pipe(toArray()))).toHaveLength(1);
  });

  it("goes through the examples again, at steps of its own, and goes on at any batch", async () => {
    const passes = (from?: number) =>
      lastValueFrom(evalBatches(examples, "image", { batchSize: 4, repeats: 2, ...(from !== undefined && { from }) }).pipe(toArray())); // prettier-ignore
    const infos = (batches: readonly Batch<"image">[]) => batches.map(({ size, info }) => [info.step, info.firstSample, size]); // prettier-ignore
    const all = [[0, 0, 4], [1, 4, 4], [2, 8, 2], [3, 0, 4], [4, 4, 4], [5, 8, 2]]; // prettier-ignore
    expect(infos(await passes())).toEqual(all);
    expect(infos(await passes(4))).toEqual(all.slice(4));
    expect(indices(await passes(4))).toEqual([4, 5, 6, 7, 8, 9]);
  });
});

describe("the column of examples", () => {
  const options = { batchSize: 2, shards: 1, seed: 1, from: 0, to: 1 };

  it("is no `data` for bytes, and no `image` for floats", async () => {
    await expect(lastValueFrom(trainBatches(imageExamples(4), "data", options))).rejects.toThrow(/"image".*dequantize/);
    const floats = examplesOf(new Float32Array(4), [1]);
    await expect(lastValueFrom(evalBatches(floats, "image", { batchSize: 2 }))).rejects.toThrow(/floats: .*"data"/);
  });
});
