import { lastValueFrom, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats, type Batch } from "../../src/data/batch.ts";
import { fillUniform, randomKey } from "../../src/base/random.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { flip } from "../../src/streams/flip.ts";
import { expectInStep } from "../support/marbles.ts";
import { imageBatch, infoAt } from "./fixture.ts";

const image = { data: Uint8Array.of(0, 127, 128, 255), shape: [2, 1, 1] };
const bytesBatch = (over = {}) => createBatch({ image }, infoAt(over));
const data = async (batch: Batch<"image">, kind: "none" | "uniform", centered: boolean, seed = 7) =>
  floats(await lastValueFrom(of(batch).pipe(dequantize(kind, { seed, centered }))), "data");

describe("dequantize", () => {
  it("none: divides by 255, and centres if asked", async () => {
    expect(await data(bytesBatch(), "none", false)).toEqual({
      data: Float32Array.of(0, 127 / 255, 128 / 255, 1),
      shape: [2, 1, 1],
    });
    expect((await data(bytesBatch(), "none", true)).data).toEqual(Float32Array.of(-1, -1 / 255, 1 / 255, 1));
  });

  const namesAfter = async (kind: "none" | "uniform") => {
    const label = { data: Uint8Array.of(1, 2), shape: [] };
    const batches = of(createBatch({ label, image }, infoAt()));
    const batch = await lastValueFrom(batches.pipe(dequantize(kind, { seed: 1, centered: true })));
    return batch.record.schema.fields.map((field) => field.name);
  };

  it("none: gives no logQ", async () => {
    expect(await namesAfter("none")).toEqual(["label", "data"]);
  });

  it("takes the bytes away, so that an augmentation behind it fails by name", async () => {
    expect(await namesAfter("uniform")).toEqual(["label", "data", "logQ"]);
    const late = of(bytesBatch()).pipe(dequantize("uniform", { seed: 1, centered: true }), flip({ seed: 1 }) as never);
    await expect(lastValueFrom(late)).rejects.toThrow('flip: the column "image" is missing');
  });

  it("uniform: adds the uniform numbers of (seed, step, shard) and divides by 256; log q is 0", async () => {
    const u = new Float32Array(4);
    fillUniform(randomKey(7, "dequantize", 3, 1), u);
    const batch = bytesBatch({ step: 3, shard: 1, shards: 2 });
    const plain = [...image.data].map((byte, i) => (byte + u[i]!) / 256);
    expect((await data(batch, "uniform", false)).data).toEqual(Float32Array.from(plain));
    expect((await data(batch, "uniform", true)).data).toEqual(Float32Array.from(plain, (v) => 2 * v - 1));
    const out = await lastValueFrom(of(batch).pipe(dequantize("uniform", { seed: 7, centered: true })));
    expect(floats(out, "logQ")).toEqual({ data: new Float32Array(2), shape: [] });
  });

  it("uniform: stays in the byte's bin, and fills it evenly", async () => {
    const ones = { data: new Uint8Array(20_000).fill(200), shape: [1] };
    const values = (await data(createBatch({ image: ones }, infoAt()), "uniform", false)).data;
    expect(values.every((v) => v >= 200 / 256 && v < 201 / 256)).toBe(true);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean * 256 - 200.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / values.length));
  });

  it("draws by seed, step and shard only", async () => {
    const at = async (over: object, seed?: number) => (await data(bytesBatch(over), "uniform", false, seed)).data;
    const first = await at({ step: 1 });
    expect(await at({ step: 1, firstSample: 99 })).toEqual(first);
    for (const other of [at({ step: 2 }), at({ step: 1, shard: 1 }), at({ step: 1 }, 8)]) {
      expect(await other).not.toEqual(first);
    }
  });

  it("emits one batch per batch, in the same frame, and passes completion, errors and unsubscription on", () => {
    const operator = () => dequantize<"image">("uniform", { seed: 1, centered: true });
    const inputs = [imageBatch(2), imageBatch(3)] as const;
    expectInStep(operator, inputs, (batch) => floats(batch, "logQ").data.length, [2, 3]);
  });
});
