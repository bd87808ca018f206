import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastValueFrom, of, Subject, throwError, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes, floats } from "../../src/data/batch.ts";
import type { Inception } from "../../src/quality/inception/inception.ts";
import { inceptionFeatures } from "../../src/streams/inception-features.ts";
import { classifyImageGraph, DIMS } from "../quality/inception/frozen-graphs.ts";
import { loadSmall, temporaryFolder } from "../quality/inception/fixture.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { imageBatch } from "./fixture.ts";

/** Features that tell images apart: the first byte, and the first two bytes one less. */
function firstBytes(calls: number[] = []): Inception {
  return {
    ...{ name: "first bytes", digest: "", dims: 1, classes: 2, dispose: () => {} },
    features(images, shape) {
      const width = shape.reduce((a, b) => a * b, 1);
      const count = images.length / width;
      calls.push(count);
      return {
        pool3: Float32Array.from({ length: count }, (_, i) => images[i * width]!),
        logits: Float32Array.from({ length: 2 * count }, (_, i) => images[Math.floor(i / 2) * width + (i % 2)]! - 1),
      };
    },
  };
}

describe("inceptionFeatures", () => {
  it("adds the features of every image, in order, at most batchSize images at once", async () => {
    const calls: number[] = [];
    const [first, second] = [imageBatch(5), imageBatch(2)];
    const results = await lastValueFrom(
      of(first, second).pipe(inceptionFeatures(firstBytes(calls), { batchSize: 2 }), toArray()),
    );
    expect(calls).toEqual([2, 2, 1, 2]);
    expect(floats(results[0]!, "pool3")).toEqual({ data: Float32Array.of(0, 7, 14, 21, 28), shape: [1] });
    expect(floats(results[1]!, "logits")).toEqual({ data: Float32Array.of(-1, 0, 6, 7), shape: [2] });
    expect(bytes(results[0]!, "image")).toEqual(bytes(first, "image"));
    expect(results.map(({ info }) => info)).toEqual([first.info, second.info]);
  });

  it("runs a real network and leaves no tensor behind", async () => {
    const path = join(temporaryFolder(), "graph.pb");
    writeFileSync(path, classifyImageGraph());
    await expectNoLeak(async () => {
      const network = loadSmall(path);
      const batch = imageBatch(3, {}, [4, 4, 1]);
      const result = await lastValueFrom(of(batch).pipe(inceptionFeatures(network, { batchSize: 2 })));
      const { pool3 } = network.features(bytes(batch, "image").data, [4, 4, 1]);
      expect(floats(result, "pool3").shape).toEqual([DIMS]);
      for (const [i, value] of floats(result, "pool3").data.entries()) expect(value).toBeCloseTo(pool3[i]!, 4);
      network.dispose();
    });
  });

  it("ends when it is told to stop, between images", async () => {
    const stop = new AbortController();
    const calls: number[] = [];
    const network = firstBytes(calls);
    const stopping: Inception = {
      ...network,
      features(...images) {
        if (calls.length === 1) stop.abort(new Error("enough"));
        return network.features(...images);
      },
    };
    const options = { batchSize: 1, signal: stop.signal };
    await expect(lastValueFrom(of(imageBatch(9)).pipe(inceptionFeatures(stopping, options)))).rejects.toThrow("enough");
    expect(calls).toEqual([1, 1]);
  });

  it("passes errors on, and unsubscribes from its source", async () => {
    const failing = throwError(() => new Error("no samples"));
    await expect(lastValueFrom(failing.pipe(inceptionFeatures(firstBytes(), { batchSize: 1 })))).rejects.toThrow(
      "no samples",
    );
    const source = new Subject<ReturnType<typeof imageBatch>>();
    const subscription = source.pipe(inceptionFeatures(firstBytes(), { batchSize: 1 })).subscribe();
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
  });

  it.each([0, 1.5])("refuses a batchSize of %s", (batchSize) => {
    expect(() => inceptionFeatures(firstBytes(), { batchSize })).toThrow(RangeError);
  });
});
