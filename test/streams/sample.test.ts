import { lastValueFrom, of, toArray } from "rxjs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { bytes, createBatch, floats, type Batch } from "../../src/data/batch.ts";
import { quantize } from "../../src/streams/quantize.ts";
import { priorBatches, sample } from "../../src/streams/sample.ts";
import { saveExamples } from "../../src/streams/save-examples.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { expectInStep } from "../support/marbles.ts";
import { moments } from "../support/numbers.ts";
import { exactScore, shape } from "./evaluation-fixture.ts";
import { infoAt, sde } from "./fixture.ts";

const solver = { eps: 1e-3, rtol: 1e-4, atol: 1e-4, denoise: true };

describe("priorBatches", () => {
  it("draws all, the last batch smaller, the same numbers in every subscription", async () => {
    const prior = priorBatches(sde, shape, { total: 5, batchSize: 2, seed: 1 }).pipe(toArray());
    const batches = await lastValueFrom(prior);
    expect(batches.map(({ size, info }) => [size, info.step, info.firstSample])).toEqual([
      [2, 0, 0],
      [2, 1, 2],
      [1, 2, 4],
    ]);
    const latent = (list: Batch<"latent">[]) => list.flatMap((batch) => [...floats(batch, "latent").data]);
    expect(new Set(latent(batches)).size).toBe(10);
    expect(latent(await lastValueFrom(prior))).toEqual(latent(batches));
  });

  it("draws the same numbers when it begins later", async () => {
    const options = { total: 5, batchSize: 2, seed: 1 };
    const [all, rest] = await Promise.all(
      [0, 1].map((from) => lastValueFrom(priorBatches(sde, shape, { ...options, from }).pipe(toArray()))),
    );
    expect(rest!.map(({ info }) => info)).toEqual(all!.slice(1).map(({ info }) => info));
    expect(rest!.map((batch) => floats(batch, "latent").data)).toEqual(
      all!.slice(1).map((batch) => floats(batch, "latent").data),
    );
  });

  it("ends at a batch's border when it is told to stop", async () => {
    const stop = new AbortController();
    stop.abort();
    expect(
      await lastValueFrom(
        priorBatches(sde, shape, { total: 5, batchSize: 2, seed: 1, signal: stop.signal }).pipe(toArray()),
      ),
    ).toEqual([]);
  });
});

describe("sample", () => {
  it("has the moments of the data where the score is exact", async () => {
    const prior = priorBatches(sde, shape, { total: 4000, batchSize: 2000, seed: 1 });
    const batches = await lastValueFrom(prior.pipe(sample(exactScore, sde, solver), toArray()));
    const all = batches.flatMap((batch) => [...floats(batch, "data").data]);
    for (const [d, mean, std] of [
      [0, 0.3, 0.5],
      [1, -0.2, 0.8],
    ] as const) {
      // prettier-ignore
      const found = moments(all.filter((_, i) => i % 2 === d));
      // Four standard errors of 4000 draws.
      expect(Math.abs(found.mean - mean)).toBeLessThan((4 * std) / Math.sqrt(4000));
      expect(Math.abs(Math.sqrt(found.variance) - std)).toBeLessThan((4 * std) / Math.sqrt(8000));
    }
  });
});

describe("quantize", () => {
  const batchOf = (...values: number[]) =>
    createBatch({ data: { data: Float32Array.from(values), shape: [] } }, infoAt());

  it("scales, clips and truncates", () => {
    const image = (result: Batch<"image">) => [...bytes(result, "image").data];
    const values = batchOf(-0.5, 0, 0.9999, 1, 2);
    expectInStep(() => quantize<"data">({ centered: false }), [values, values], image, [[0, 0, 254, 255, 255], [0, 0, 254, 255, 255]]); // prettier-ignore
    expectInStep(() => quantize<"data">({ centered: true }), [values, values], image, [[63, 127, 254, 255, 255], [63, 127, 254, 255, 255]]); // prettier-ignore
  });
});

describe("saveExamples", () => {
  const vectors = (n: number) => createBatch({ data: { data: new Float32Array(n * 2).fill(n), shape: [2] } }, infoAt());

  it("writes one Arrow file of all batches", async () => {
    const path = join(temporaryFolder(), "samples", "samples.arrow");

    await lastValueFrom(of(vectors(1), vectors(2)).pipe(saveExamples(path, { total: 3 })));
    const column = readArrowFile(path).columns.get("data")!;
    expect(column.shape).toEqual([2]);
    expect([...column.data]).toEqual([1, 1, 2, 2, 2, 2]);
  });
});
