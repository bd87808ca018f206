import { from, lastValueFrom, of, Subject, throwError, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, type Batch } from "../../src/data/batch.ts";
import { mirrored } from "../../src/data/mirror.ts";
import { loadEngine } from "../../src/engine/load.ts";
import { nearestTo } from "../../src/streams/nearest-to.ts";
import { expectNoLeak, normal } from "../support/tensors.ts";
import { imageBatch, infoAt } from "./fixture.ts";

const SHAPE = [4, 5, 3] as const;
const SIZE = 60;
await loadEngine();

/** Bytes as they come, a function of the seed. */
const noise = (count: number, seed: number) => Uint8Array.from(normal(count * SIZE, seed), (x) => 128 + 50 * x);

/** The images in batches of these sizes. */
function batches(images: Uint8Array, sizes: readonly number[]): Batch<"image">[] {
  let first = 0;
  return sizes.map((size, step) => {
    const data = images.slice(first * SIZE, (first + size) * SIZE);
    first += size;
    return createBatch({ image: { data, shape: SHAPE } }, infoAt({ step, firstSample: first - size }));
  });
}

const at = (images: Uint8Array, i: number) => images.slice(i * SIZE, (i + 1) * SIZE);
const differs = (a: Uint8Array, b: Uint8Array) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0) / SIZE);

/** The same, image by image. */
function directly(wanted: Uint8Array, images: readonly Uint8Array[]) {
  return Array.from({ length: wanted.length / SIZE }, (_, i) => {
    const all = images.map((set) => Array.from({ length: set.length / SIZE }, (_, j) => differs(at(wanted, i), at(set, j)))); // prettier-ignore
    const distance = Math.min(...all.flat());
    const set = all.findIndex((distances) => distances.includes(distance));
    return { distance, index: all[set]!.indexOf(distance), image: at(images[set]!, all[set]!.indexOf(distance)) };
  });
}

describe("nearestTo", () => {
  const [images, wanted] = [noise(23, 1), noise(6, 2)];
  const options = { shape: SHAPE, mirror: false };

  it.each([false, true])("finds what a search one by one finds, mirrored too: %s", async (mirror) => {
    const found = await expectNoLeak(() =>
      lastValueFrom(from(batches(images, [8, 8, 7])).pipe(nearestTo(wanted, { shape: SHAPE, mirror }))),
    );
    const expected = directly(wanted, mirror ? [images, mirrored(images, SHAPE)] : [images]);
    expect(found.searched).toBe(23);
    expect([...found.index]).toEqual(expected.map(({ index }) => index));
    expect([...found.distance]).toEqual(expected.map(({ distance }) => distance));
    expected.forEach(({ image }, i) => expect(at(found.images, i)).toEqual(image));
  });

  it("tells copies, and mirrored ones, by a distance of exactly 0", async () => {
    const copies = new Uint8Array([...at(images, 17), ...mirrored(at(images, 3), SHAPE)]);
    const search = (mirror: boolean) =>
      lastValueFrom(from(batches(images, [10, 13])).pipe(nearestTo(copies, { shape: SHAPE, mirror })));
    const [plain, both] = [await search(false), await search(true)];
    expect([plain.index[0], plain.distance[0]]).toEqual([17, 0]);
    expect(plain.distance[1]).toBeGreaterThan(10);
    expect([...both.index]).toEqual([17, 3]);
    expect([...both.distance]).toEqual([0, 0]);
    expect(both.images).toEqual(copies);
  });

  it("tells after every batch what is the nearest so far", async () => {
    const told = await lastValueFrom(from(batches(images, [1, 22])).pipe(nearestTo(at(images, 5), options), toArray()));
    expect(told.map(({ searched, index: [i] }) => [searched, i])).toEqual([
      [1, 0],
      [23, 5],
    ]);
    expect(told[0]!.distance[0]).toBe(differs(at(images, 0), at(images, 5)));
  });

  it("passes errors on, unsubscribes from its source, and frees its tensor each time", async () => {
    await expectNoLeak(async () => {
      const failing = throwError(() => new Error("no images"));
      await expect(lastValueFrom(failing.pipe(nearestTo(wanted, options)))).rejects.toThrow("no images");
      const source = new Subject<Batch<"image">>();
      const subscription = source.pipe(nearestTo(wanted, options)).subscribe();
      expect(source.observed).toBe(true);
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      const wrong = of(imageBatch(1, {}, [2, 2, 1])).pipe(nearestTo(wanted, options));
      await expect(lastValueFrom(wrong)).rejects.toThrow();
    });
  });
});
