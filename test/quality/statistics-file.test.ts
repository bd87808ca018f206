import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NpyArray } from "../../src/data/formats/npy.ts";
import { writeNpz } from "../../src/data/formats/npz.ts";
import { UsageError } from "../../src/base/errors.ts";
import { readStatistics, writeStatistics } from "../../src/quality/statistics-file.ts";
import { featureStatistics } from "../../src/quality/statistics.ts";
import { features } from "./matrices.ts";

describe("statistics files", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "statistics-"));
    path = join(directory, "stats.npz");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const pool = () => features(20, 3, 1, path);
  const pool3 = (): NpyArray => ({ shape: [20, 3], data: pool().data });

  it("keep mu and sigma, and the features where they are given", async () => {
    const statistics = await featureStatistics(pool());
    await writeStatistics(path, { statistics, pool3: undefined });
    expect(await readStatistics(path)).toEqual({ statistics, pool3: undefined });
    await writeStatistics(path, { statistics, pool3: pool() });
    expect(await readStatistics(path)).toEqual({ statistics, pool3: pool() });
  });

  it("may have the features alone, with the logits beside them and axes of size 1", async () => {
    const statistics = await featureStatistics(pool());
    await writeNpz(path, { pool_3: pool3(), logits: { shape: [1], data: new Float32Array(1) } });
    expect(await readStatistics(path)).toEqual({ statistics, pool3: pool() });
    await writeNpz(path, { pool_3: { shape: [20, 1, 1, 3], data: pool().data } });
    expect(await readStatistics(path)).toEqual({ statistics, pool3: pool() });
  });

  it("may have halves that differ by the rounding of float32, and no more", async () => {
    const sigma = (difference: number) => ({ mu: array([2]), sigma: array([2, 2], Float64Array.of(100, 7, 7 + difference, 1)) }); // prettier-ignore
    await writeNpz(path, sigma(9e-4));
    expect((await readStatistics(path)).statistics.sigma[2]).toBe(7 + 9e-4);
    await writeNpz(path, sigma(1.1e-3));
    await expect(readStatistics(path)).rejects.toThrow(/sigma is not symmetric at \[1, 0\]/);
  });

  const array = (shape: number[], data: NpyArray["data"] = new Float64Array(shape.reduce((a, b) => a * b, 1))) => ({
    shape,
    data,
  });
  it.each<[string, Record<string, NpyArray>, RegExp]>([
    ["neither form", { samples: array([2, 3]) }, /neither mu and sigma nor pool_3/],
    ["mu without sigma", { mu: array([3]) }, /neither/],
    [
      "mu of two axes",
      { mu: array([1, 3]), sigma: array([3, 3]) },
      /mu is Float64Array \[1,3\], expected floats \[3\]/,
    ],
    ["sigma of another size", { mu: array([3]), sigma: array([2, 2]) }, /sigma is .*\[2,2\], expected floats \[3,3\]/],
    ["integers", { mu: array([1], new Int32Array(1)), sigma: array([1, 1]) }, /mu is Int32Array/],
    ["features of another size", { mu: array([3]), sigma: array([3, 3]), pool_3: array([5, 4]) }, /pool_3 4/],
    [
      "features in maps",
      { pool_3: array([5, 8, 8, 4]) },
      /pool_3 is Float64Array \[5,8,8,4\], expected floats \[N, D\]/,
    ],
    ["features as a list", { pool_3: array([5]) }, /pool_3 is .*expected floats/],
    ["one image", { pool_3: array([1, 4]) }, /1 rows, at least 2/],
    [
      "an asymmetric sigma",
      { mu: array([2]), sigma: array([2, 2], Float64Array.of(1, 0, 1, 1)) },
      /not symmetric at \[1, 0\]/,
    ],
  ])("are refused with %s", async (_, arrays, reason) => {
    await writeNpz(path, arrays);
    await expect(readStatistics(path)).rejects.toThrow(UsageError);
    await expect(readStatistics(path)).rejects.toThrow(reason);
    await expect(readStatistics(path)).rejects.toThrow(path);
  });
});
