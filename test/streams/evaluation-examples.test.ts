import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { bytes } from "../../src/data/batch.ts";
import { type ImageDataset, loadedImages } from "../../src/data/dataset.ts";
import { evaluationOrder } from "../../src/data/evaluation-order.ts";
import { evaluationExamples, type Examples } from "../../src/data/examples.ts";
import { evalBatches } from "../../src/streams/batches.ts";

const N = 1000;
/** Images of one pixel that lie sorted by class, ten classes. */
const pixels = Uint8Array.from({ length: N }, (_, i) => Math.floor(i / 100));
const about = { name: "sorted", split: "test", length: N, shape: [1, 1, 1] } as const;
const inMemory = loadedImages({ ...about, images: pixels });
const gather = (indices: ArrayLike<number>) => Uint8Array.from(indices, (index) => pixels[index]!);
const onDisk: ImageDataset = {
  ...about,
  ...{ about: "sorted", digest: "0", gather, load: async (indices: ArrayLike<number>) => gather(indices), close() {} },
};

const classes = async (examples: Examples, batchSize = 7) => {
  const batches = await lastValueFrom(evalBatches(examples, "image", { batchSize }).pipe(toArray()));
  return batches.flatMap((batch) => [...bytes(batch, "image").data]);
};

describe("an evaluation of some of the images", () => {
  it.each([
    ["memory", inMemory],
    ["the disk", onDisk],
  ])("takes them over all classes, always the same, in %s", async (_, data) => {
    const some = await classes(evaluationExamples(data, 200));
    expect(some).toHaveLength(200);
    // 20 of each class are expected, with a standard deviation of 3.8.
    for (let c = 0; c < 10; c++) {
      const count = some.filter((of) => of === c).length;
      expect(Math.abs(count - 20)).toBeLessThan(4 * 3.8);
    }
    expect(some).toEqual([...gather(evaluationOrder(N, 200))]);
    // Fewer images are the first ones of more, in batches of whatever size.
    expect(await classes(evaluationExamples(data, 50), 16)).toEqual(some.slice(0, 50));
    const all = await classes(evaluationExamples(data, 10 * N));
    expect(all.slice(0, 200)).toEqual(some);
    expect(all.sort()).toEqual([...pixels]);
  });

  it("can be of some already", async () => {
    const once = evaluationExamples(inMemory, 100);
    const twice = await classes(evaluationExamples(once, 10));
    const of = await classes(once);
    expect(twice).toEqual([...evaluationOrder(100, 10)].map((place) => of[place]));
  });
});
