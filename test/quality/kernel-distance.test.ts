import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { permutation, randomKey } from "../../src/base/random.ts";
import type { Features } from "../../src/quality/features.ts";
import { blocksOf, kernelDistance } from "../../src/quality/kernel-distance.ts";
import "../golden/allclose.ts";
import { features, normals } from "./matrices.ts";

const row = ({ data, dims }: Features, i: number) => Array.from(data.subarray(i * dims, (i + 1) * dims));

/** The mean of (x.y / D + 1)^3 over pairs, of different rows where both are the same features. */
function meanKernel(x: Features, y: Features): number {
  const values: number[] = [];
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < y.rows; j++) {
      if (x === y && i === j) continue;
      values.push((row(x, i).reduce((sum, value, d) => sum + value * row(y, j)[d]!, 0) / x.dims + 1) ** 3);
    }
  }
  return values.reduce((a, b) => a + b, 0) / values.length;
}

const plain = (x: Features, y: Features) => meanKernel(x, x) + meanKernel(y, y) - 2 * meanKernel(x, y);

const part = (x: Features, start: number, end: number): Features => ({
  ...x,
  data: x.data.slice(start * x.dims, end * x.dims),
  rows: end - start,
});

describe("kernelDistance", () => {
  it("is the unbiased discrepancy of one block", async () => {
    const [x, y] = [features(13, 5, 1), features(9, 5, 2)];
    const { kid, standardError } = await kernelDistance(x, y);
    expect(kid).toBeAllclose(plain(x, y), { rtol: 1e-11 });
    expect(standardError).toBeNaN();
  });

  it("is the mean over blocks, with its standard error", async () => {
    const [x, y] = [features(11, 4, 1), features(8, 4, 2)];
    const estimates = [
      plain(part(x, 0, 3), part(y, 0, 2)),
      plain(part(x, 3, 7), part(y, 2, 5)),
      plain(part(x, 7, 11), part(y, 5, 8)),
    ];
    const mean = estimates.reduce((a, b) => a + b, 0) / 3;
    const variance = estimates.reduce((sum, e) => sum + (e - mean) ** 2, 0) / 2;
    const { kid, standardError } = await kernelDistance(x, y, { maxBlockSize: 4 });
    expect(kid).toBeAllclose(mean, { rtol: 1e-11 });
    expect(standardError).toBeAllclose(Math.sqrt(variance / 3), { rtol: 1e-9 });
  });

  it("cuts rows into consecutive blocks, the larger ones last", () => {
    expect(blocksOf(11, 3)).toEqual([
      [0, 3],
      [3, 7],
      [7, 11],
    ]);
    expect(blocksOf(6, 3)).toEqual([
      [0, 2],
      [2, 4],
      [4, 6],
    ]);
    expect(blocksOf(5, 1)).toEqual([[0, 5]]);
  });

  it("is 0 on average between draws of one distribution, and not between others", async () => {
    const draws = (seed: number, shift: number): Features => {
      const data = normals(2000 * 3, seed).map((z) => z + shift);
      return { name: "draws", data, rows: 2000, dims: 3 };
    };
    const same = await kernelDistance(draws(1, 0), draws(2, 0), { maxBlockSize: 10 });
    expect(Math.abs(same.kid)).toBeLessThan(4 * same.standardError);
    const other = await kernelDistance(draws(1, 0), draws(2, 0.5), { maxBlockSize: 10 });
    expect(other.kid).toBeGreaterThan(4 * other.standardError);
    // The size of the blocks changes the noise of the estimate, not what is estimated.
    const large = await kernelDistance(draws(3, 0), draws(4, 0.5), { maxBlockSize: 2000 });
    expect(Math.abs(large.kid - other.kid)).toBeLessThan(5 * other.standardError);
  });

  it("does not follow the order of the data when it shuffles", async () => {
    // Two draws of two classes that are apart; one lies sorted by class.
    const drawn = (seed: number, sorted: boolean): Features => {
      const noise = normals(1000 * 3, seed);
      const classes = normals(1000, seed + 100).map((z) => (z > 0 ? 2 : 0));
      if (sorted) classes.sort();
      const data = noise.map((z, i) => z + classes[Math.floor(i / 3)]!);
      return { name: "draws", data, rows: 1000, dims: 3 };
    };
    const options = { maxBlockSize: 100, shuffled: true };
    const { kid, standardError } = await kernelDistance(drawn(1, true), drawn(2, false), options);
    expect(Math.abs(kid)).toBeLessThan(4 * standardError);
    const apart = await kernelDistance(drawn(1, true), drawn(2, false), { maxBlockSize: 100 });
    expect(apart.kid).toBeGreaterThan(20 * standardError);
    // One block has all rows, in whatever order.
    const whole = { maxBlockSize: 1000 };
    const one = await kernelDistance(drawn(1, true), drawn(2, false), whole);
    expect(await kernelDistance(drawn(1, true), drawn(2, false), { ...whole, shuffled: true })).toEqual(one);
  });

  it("has as many blocks as the larger of the two needs, whichever it is", async () => {
    const [x, y] = [features(11, 4, 1), features(5, 4, 2)];
    const [there, back] = [await kernelDistance(x, y, { maxBlockSize: 6 }), await kernelDistance(y, x, { maxBlockSize: 6 })]; // prettier-ignore
    const mean = (plain(part(x, 0, 5), part(y, 0, 2)) + plain(part(x, 5, 11), part(y, 2, 5))) / 2;
    for (const { kid, standardError } of [there, back]) {
      expect(kid).toBeAllclose(mean, { rtol: 1e-9 });
      expect(standardError).toBeGreaterThan(0);
    }
  });

  it("shuffles each side in an order of its own, from two blocks on", async () => {
    const sides = [features(8, 3, 1), features(8, 3, 2)];
    const [x, y] = sides.map((side, i) => {
      const order = permutation(randomKey(0, "kernel distance", i), side.rows);
      return { ...side, data: Float64Array.from([...order].flatMap((at) => row(side, at))) };
    }) as [Features, Features];
    const mean = (plain(part(x, 0, 4), part(y, 0, 4)) + plain(part(x, 4, 8), part(y, 4, 8))) / 2;
    const { kid } = await kernelDistance(sides[0]!, sides[1]!, { maxBlockSize: 4, shuffled: true });
    expect(kid).toBeAllclose(mean, { rtol: 1e-9 });
  });

  it("refuses what it cannot compare", async () => {
    const x = features(6, 3, 1, "real");
    await expect(kernelDistance(x, features(6, 4, 2, "generated"))).rejects.toThrow(UsageError);
    await expect(kernelDistance(x, features(6, 4, 2, "generated"))).rejects.toThrow(
      "real has 3 features, generated has 4",
    );
    await expect(kernelDistance(x, features(1, 3, 2))).rejects.toThrow(/1 rows, at least 2/);
    await expect(kernelDistance(x, features(3, 3, 2), { maxBlockSize: 3 })).rejects.toThrow(/3 rows, at least 4/);
    for (const maxBlockSize of [1, 2.5])
      await expect(kernelDistance(x, x, { maxBlockSize })).rejects.toThrow(RangeError);
    const pause = () => Promise.reject(new Error("stop"));
    await expect(kernelDistance(x, x, { pause })).rejects.toThrow("stop");
  });
});
