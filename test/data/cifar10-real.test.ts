import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { cacheFolder } from "../../src/cli/environment.ts";
import type { Cifar10 } from "../../src/data/cifar10/assemble.ts";
import { loadCifar10 } from "../../src/data/cifar10/load.ts";
import { classCounts, channelMeans } from "../../src/data/cifar10/statistics.ts";

/** The data every run uses, fetched here when no run has fetched it yet. */
const cacheDir = join(cacheFolder(process.env), "data");

describe("CIFAR-10", () => {
  let data: Cifar10;
  beforeAll(async () => void (data = await loadCifar10({ cacheDir })), 600_000);

  it("has 5,000 training and 1,000 test images of every class", () => {
    expect(data.train.images.length).toBe(50_000 * 3072);
    expect(data.test.images.length).toBe(10_000 * 3072);
    expect(classCounts(data.train, 10)).toEqual(new Array(10).fill(5000));
    expect(classCounts(data.test, 10)).toEqual(new Array(10).fill(1000));
  });

  it("is in the authors' order", () => {
    expect([...data.train.labels.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    expect([...data.test.labels.subarray(0, 10)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    // First pixel, red green blue, of the first training image: the frog.
    expect([...data.train.images.subarray(0, 3)]).toEqual([59, 62, 63]);
  });

  it("has the channel means everyone knows", () => {
    const means = channelMeans(data.train);
    for (const [c, mean] of [0.4914, 0.4822, 0.4465].entries()) expect(Math.abs(means[c]! - mean)).toBeLessThan(0.0005);
  });
});
