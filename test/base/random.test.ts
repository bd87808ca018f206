import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  fillBits,
  fillNormal,
  fillRademacher,
  fillUniform,
  permutation,
  randomKey,
  threefry,
  uniformInt,
  type Key,
} from "../../src/base/random.ts";
import { moments } from "../support/numbers.ts";

const N = 200_000;
const floats = (fill: (key: Key, out: Float32Array) => void, n = N, key = randomKey(1, "test")) => {
  const out = new Float32Array(n);
  fill(key, out);
  return out;
};

describe("threefry", () => {
  // Known answers of Random123, kat_vectors, threefry2x32 with 20 rounds.
  it.each<[Key, number, number, [number, number]]>([
    [[0, 0], 0, 0, [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff, [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3, [0xc4923a9c, 0x483df7a0]],
  ])("encrypts as Random123 does: key %o", (key, x0, x1, expected) => {
    expect(threefry(key, x0, x1)).toEqual(expected);
  });
});

describe("randomKey", () => {
  it("is a function of its path", () => {
    expect(randomKey(7, "noise", 3, 1)).toEqual(randomKey(7, "noise", 3, 1));
  });

  it("differs in every part of the path and in their order", () => {
    const paths: [number, ...(string | number)[]][] = [
      [7],
      [8],
      [7 + 2 ** 32],
      [-7],
      [7, "noise"],
      [7, "time"],
      [7, "noise", 0],
      [7, "noise", 3],
      [7, "noise", 3, 1],
      [7, "noise", 1, 3],
      [7, "noise", 3, 1, 0],
      [7, 3, "noise"],
      [7, 3],
    ];
    const keys = paths.map(([seed, ...path]) => randomKey(seed, ...path).join());
    expect(new Set(keys).size).toBe(paths.length);
  });

  it.each([[0.5], [NaN], [2 ** 53]])("refuses %d", (seed) => {
    expect(() => randomKey(seed)).toThrow(/a seed must be an integer, got/);
    expect(() => randomKey(1, "noise", seed)).toThrow(/a seed must be an integer/);
  });
});

describe("fillBits, fillUniform, fillNormal, fillRademacher", () => {
  it("give prefixes of one stream, whatever the length", () => {
    // 2048 words are made at once: the lengths lie on both sides.
    const lengths = fc.integer({ min: 1, max: 5_000 });
    const fills = fc.constantFrom(fillUniform, fillNormal, fillRademacher);
    fc.assert(
      fc.property(fills, lengths, (fill, n) => {
        expect(floats(fill, n)).toEqual(floats(fill, 5_000).subarray(0, n));
      }),
      { numRuns: 40 },
    );
  });

  it("reads words in the order of the blocks", () => {
    const key = randomKey(3);
    const words = new Uint32Array(5);
    fillBits(key, words);
    const blocks = [0, 1, 2].flatMap((i) => threefry(key, i, 0));
    expect([...words]).toEqual(blocks.slice(0, 5));
  });

  it("draws uniform numbers in [0, 1) with the moments of U[0, 1)", () => {
    const u = floats(fillUniform);
    const { mean, variance, min, max } = moments(u);
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThan(1);
    // Four standard errors: sqrt(1/12/N) and sqrt(1/180/N).
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / N));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / N));
  });

  it("gives float64 numbers 53 random bits", () => {
    const out = new Float64Array(1000);
    fillUniform(randomKey(2), out);
    const integers = out.map((u) => u * 2 ** 53);
    expect(integers.every((v) => Number.isInteger(v))).toBe(true);
    expect(integers.some((v) => v % 2 === 1)).toBe(true);
    expect(Math.abs(moments(out).mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / 1000));
  });

  it("draws normal numbers with the moments of N(0, 1), uncorrelated neighbours", () => {
    const z = floats(fillNormal);
    const { mean, variance, skewness, kurtosis } = moments(z);
    // Four standard errors of each moment of N normal numbers.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(N));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / N));
    expect(Math.abs(skewness)).toBeLessThan(4 * Math.sqrt(6 / N));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(4 * Math.sqrt(24 / N));
    const products = z.subarray(1).map((v, i) => v * z[i]!);
    expect(Math.abs(moments(products).mean)).toBeLessThan(4 / Math.sqrt(N));
  });

  it("draws -1 and 1 equally often, neighbours uncorrelated", () => {
    const v = floats(fillRademacher);
    expect(v.every((x) => x === 1 || x === -1)).toBe(true);
    expect(Math.abs(moments(v).mean)).toBeLessThan(4 / Math.sqrt(N));
    const products = v.subarray(1).map((x, i) => x * v[i]!);
    expect(Math.abs(moments(products).mean)).toBeLessThan(4 / Math.sqrt(N));
  });
});

describe("uniformInt", () => {
  it("draws each of n integers equally often", () => {
    const n = 6;
    const draws = 30_000;
    const counts = new Array<number>(n).fill(0);
    for (let i = 0; i < draws; i++) counts[uniformInt(randomKey(1, i), n)]!++;
    const chi2 = counts.reduce((sum, c) => sum + (c - draws / n) ** 2 / (draws / n), 0);
    expect(chi2).toBeLessThan(25.7); // 5 degrees of freedom, p = 1e-4
  });

  it("throws words away that would favour small numbers", () => {
    // Of 2^32 words, 3 * 2^30 are kept; `word % n` alone would give the first third twice as often.
    const n = 3 * 2 ** 30;
    const draws = Array.from({ length: 6_000 }, (_, i) => uniformInt(randomKey(2, i), n));
    const low = draws.filter((v) => v < 2 ** 30).length;
    expect(Math.abs(low / draws.length - 1 / 3)).toBeLessThan(4 * Math.sqrt((1 / 3) * (2 / 3)) * draws.length ** -0.5);
    expect(Math.max(...draws)).toBeLessThan(n);
  });

  it.each([[0], [1.5], [2 ** 32 + 1]])("refuses n = %d", (n) => {
    expect(() => uniformInt(randomKey(1), n)).toThrow(/n must be an integer in \[1, 2\^32\]/);
  });
});

describe("permutation", () => {
  it("holds every number once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(), (n, seed) => {
        const sorted = permutation(randomKey(seed), n).sort();
        expect(sorted.every((v, i) => v === i)).toBe(true);
        expect(sorted.length).toBe(n);
      }),
      { numRuns: 50 },
    );
  });

  it("gives all 24 orders of 4 equally often", () => {
    const draws = 24_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < draws; i++) {
      const order = permutation(randomKey(9, i), 4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chi2 = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(58.6); // 23 degrees of freedom, p = 6e-5
  });
});
