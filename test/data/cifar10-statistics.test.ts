import { expect, it } from "vitest";
import { channelMeans, classCounts } from "../../src/data/cifar10/statistics.ts";
import { loadedImages } from "../../src/data/dataset.ts";

const data = loadedImages({
  ...{ name: "made", split: "train", shape: [1, 2, 3] },
  images: Uint8Array.from({ length: 18 }, (_, i) => i),
  labels: Uint8Array.of(2, 0, 2),
});

it("counts classes and averages channels", () => {
  expect(classCounts(data, 4)).toEqual([1, 0, 2, 0]);
  // Of the first channel: 0, 3, 6, 9, 12, 15.
  [7.5, 8.5, 9.5].forEach((mean, c) => expect(channelMeans(data)[c]).toBeCloseTo(mean / 255, 15));
});
