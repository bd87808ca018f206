import { from, lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, type Batch } from "../../src/data/batch.ts";
import { UsageError } from "../../src/base/errors.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { frechetDistance } from "../../src/quality/frechet-distance.ts";
import { inceptionScore } from "../../src/quality/inception-score.ts";
import { kernelDistance } from "../../src/quality/kernel-distance.ts";
import type { Quality } from "../../src/quality/quality.ts";
import { featureStatistics } from "../../src/quality/statistics.ts";
import { sampleQuality } from "../../src/streams/sample-quality.ts";
import { normal } from "../support/tensors.ts";
import { infoAt } from "./fixture.ts";

const [D, K] = [3, 4];
const real = { name: "the data", data: normal(40 * D, 1), rows: 40, dims: D };
const statistics = await featureStatistics(real);

/** Batches of these sizes, with normal features. */
function batches(...sizes: number[]): Batch<"pool3" | "logits">[] {
  const features = normal(40 * D, 2);
  const logits = normal(40 * K, 3);
  let at = 0;
  return sizes.map((size) => {
    const columns = {
      pool3: { data: features.slice(at * D, (at + size) * D), shape: [D] },
      logits: { data: logits.slice(at * K, (at + size) * K), shape: [K] },
    };
    at += size;
    return createBatch(columns, infoAt());
  });
}

const events = (source: Batch<"pool3" | "logits">[], options: Parameters<typeof sampleQuality>[0]) =>
  lastValueFrom(from(source).pipe(sampleQuality(options), toArray()));

const ofType = <T extends RunEvent["type"]>(all: RunEvent[], type: T) =>
  all.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

describe("sampleQuality", () => {
  it("measures all samples at once, however they come, and leaves out more than it was told of", async () => {
    const pool3 = { name: "x", data: normal(40 * D, 2).subarray(0, 20 * D), rows: 20, dims: D };
    const logits = { name: "x", data: normal(40 * K, 3).subarray(0, 20 * K), rows: 20, dims: K };
    const fid = await frechetDistance(statistics, await featureStatistics(pool3));
    const { kid, standardError } = await kernelDistance(real, pool3);
    const score = inceptionScore(logits);
    let found: Quality | undefined;
    const options = { total: 20, step: 7, data: { statistics, pool3: real }, onFound: (q: Quality) => (found = q) };
    const all = await events(batches(8, 8, 8), options);
    expect(ofType(all, "result").at(-1)!.values).toEqual({ fid, kid, inceptionScore: score });
    expect(found).toEqual({
      ...{ fid, kid, kidStandardError: standardError, inceptionScore: score, samples: 20, dims: D, notes: [] },
      statistics: "the data",
    });
    expect(ofType(all, "metric").map(({ name, step, value }) => [name, step, value])).toEqual([
      ["eval/fid", 7, fid],
      ["eval/kid", 7, kid],
      ["eval/inception_score", 7, score],
    ]);
    expect(ofType(all, "progress").map(({ done }) => done)).toEqual([8, 16, 20]);
    expect(ofType(all, "stage").map(({ name, total }) => [name, total])).toEqual([
      ["features of the samples", 20],
      ["FID, KID and Inception score", undefined],
    ]);
  });

  it("says nothing when samples are missing", async () => {
    const all = await events(batches(8), { total: 20, step: 0, data: { statistics, pool3: real } });
    expect(all.map(({ type }) => type)).toEqual(["stage", "progress"]);
  });

  it("leaves the KID out without the data's features, and says so", async () => {
    const all = await events(batches(20), { total: 20, step: 0, data: { statistics, pool3: undefined } });
    expect(Object.keys(ofType(all, "result")[0]!.values)).toEqual(["fid", "inceptionScore"]);
    expect(ofType(all, "metric").map(({ name }) => name)).toEqual(["eval/fid", "eval/inception_score"]);
    expect(all.every((event) => typeof event === "object")).toBe(true);
    expect(ofType(all, "message").map(({ text }) => text)).toEqual([expect.stringMatching(/KID: .*only mu and sigma/)]);
  });

  it("leaves the KID out with too few samples, and names the rank they give the covariance", async () => {
    const data = { name: "much data", data: normal(1100 * D, 5), rows: 1100, dims: D };
    const all = await events(batches(3), { total: 3, step: 0, data: { statistics, pool3: data } });
    expect(Object.keys(ofType(all, "result")[0]!.values)).toEqual(["fid", "inceptionScore"]);
    const texts = ofType(all, "message").map(({ text }) => text);
    expect(texts[0]).toMatch(/3 images of the samples give a covariance of 3 features a rank of at most 2/);
    expect(texts[1]).toMatch(/KID: the samples: 3 rows, at least 4 are needed/);
  });

  it("refuses statistics of another size", async () => {
    const other = await featureStatistics({ ...real, name: "other", rows: 20, dims: 6 });
    const run = events(batches(20), { total: 20, step: 0, data: { statistics: other, pool3: undefined } });
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(/other has 6 features, the samples has 3/);
  });

  it("ends when it is told to stop", async () => {
    const pause = () => Promise.reject(new Error("enough"));
    const run = events(batches(20), { total: 20, step: 0, data: { statistics, pool3: real }, pause });
    await expect(run).rejects.toThrow("enough");
  });
});
