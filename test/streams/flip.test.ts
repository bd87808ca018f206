import { lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { randomKey } from "../../src/base/random.ts";
import { bytes, column, createBatch, withColumns, type Batch } from "../../src/data/batch.ts";
import { flip } from "../../src/streams/flip.ts";
import { expectInStep } from "../support/marbles.ts";
import { imageBatch, infoAt } from "./fixture.ts";

const apply = async (batch: Batch<"image">, seed = 1) => lastValueFrom(of(batch).pipe(flip({ seed })));

/** Example i of a batch of [2, 3, 2] images, mirrored left to right. */
function mirrored(batch: Batch<"image">, example: number): number[] {
  const image = bytes(batch, "image").data.subarray(12 * example, 12 * (example + 1));
  const pixel = (y: number, x: number) => [...image.subarray(2 * (3 * y + x), 2 * (3 * y + x) + 2)];
  return [0, 1].flatMap((y) => [2, 1, 0].flatMap((x) => pixel(y, x)));
}

describe("flip", () => {
  const batch = imageBatch(64, { firstSample: 1000 }, [2, 3, 2]);

  it("mirrors an image left to right or leaves it, each about half of the time", async () => {
    const out = bytes(await apply(batch), "image");
    let flipped = 0;
    for (let i = 0; i < 64; i++) {
      const own = [...out.data.subarray(12 * i, 12 * (i + 1))];
      const same = [...bytes(batch, "image").data.subarray(12 * i, 12 * (i + 1))];
      expect([same, mirrored(batch, i)]).toContainEqual(own);
      if (own.join() !== same.join()) flipped++;
    }
    expect(Math.abs(flipped - 32)).toBeLessThanOrEqual(16); // Four standard deviations of 64 fair coins.
  });

  it("leaves its input and the other columns alone", async () => {
    const before = bytes(batch, "image").data.slice();
    const t = { data: new Float32Array(64), shape: [] };
    const out = await lastValueFrom(of(withColumns(batch, { t })).pipe(flip({ seed: 1 })));
    expect(bytes(batch, "image").data).toEqual(before);
    expect(column(out, "t").data.buffer).toBe(t.data.buffer);
    expect(out.info).toEqual(batch.info);
  });

  it("decides by the last bit of the key of the sample", async () => {
    const out = bytes(await apply(batch), "image").data;
    for (let i = 0; i < 64; i++) {
      const same = [...bytes(batch, "image").data.subarray(12 * i, 12 * (i + 1))];
      const [word] = randomKey(1, "flip", 1000 + i);
      expect([...out.subarray(12 * i, 12 * (i + 1))]).toEqual(word % 2 === 1 ? mirrored(batch, i) : same);
    }
  });

  it("decides by seed and sample, whatever the batch", async () => {
    const whole = bytes(await apply(batch), "image").data;
    expect(bytes(await apply(batch), "image").data).toEqual(whole);
    expect(bytes(await apply(batch, 2), "image").data).not.toEqual(whole);
    const data = bytes(batch, "image").data.subarray(12 * 16, 12 * 48);
    const info = infoAt({ step: 9, shard: 3, shards: 4, firstSample: 1016 });
    const part = createBatch({ image: { data, shape: [2, 3, 2] } }, info);
    expect(bytes(await apply(part), "image").data).toEqual(whole.subarray(12 * 16, 12 * 48));
  });

  it("emits one batch per batch, in the same frame, and passes completion, errors and unsubscription on", () => {
    const inputs = [imageBatch(2, { step: 0 }), imageBatch(3, { step: 1 })] as const;
    expectInStep(
      () => flip<"image">({ seed: 1 }),
      inputs,
      (batch) => [batch.info.step, batch.size],
      [
        [0, 2],
        [1, 3],
      ],
    );
  });

  it("notifies an error for a column of another type", async () => {
    const image = { data: new Float32Array(12), shape: [2, 3, 2] };
    const wrong = of(createBatch({ image }, infoAt())).pipe(flip({ seed: 1 }), toArray());
    await expect(lastValueFrom(wrong)).rejects.toThrow('column "image" holds float32, expected bytes');
  });
});
