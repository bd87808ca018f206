import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align, crop, thinPoints, smooth } from "../../../src/monitor/web/page/curves.ts";

describe("smooth", () => {
  it("is a moving average that begins with the first value", () => {
    expect(smooth([2, 4, 0], 0.5)).toEqual([
      2,
      (0.5 * 1 + 0.5 * 4) / 0.75,
      expect.closeTo((0.25 * 1 + 0.25 * 4) / 0.875),
    ]);
    expect(smooth([3, 1, 2], 0)).toEqual([3, 1, 2]);
  });

  it("leaves a constant as it is, whatever the weight, and gaps out", () => {
    expect(smooth([5, NaN, 5, Infinity, 5], 0.99)).toEqual([expect.closeTo(5), NaN, expect.closeTo(5), NaN, expect.closeTo(5)]); // prettier-ignore
  });

  it("stays between the smallest and the largest value", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 0.99, noNaN: true }), (y, weight) => {
        const [low, high] = [Math.min(...y) - 1e-6, Math.max(...y) + 1e-6];
        return smooth(y, weight).every((value) => value >= low && value <= high);
      }),
    );
  });
});

describe("crop", () => {
  const points = { x: [0, 10, 20, 30, 40], y: [0, 1, 2, 3, 4] };

  it.each([
    [12, 28, [10, 20, 30]],
    [20, 20, [10, 20, 30]],
    [-5, 100, [0, 10, 20, 30, 40]],
    [0, 40, [0, 10, 20, 30, 40]],
    [41, 50, [40]],
    [-9, -1, [0]],
  ])("keeps what lies in [%d, %d], and one on each side", (min, max, x) => {
    expect(crop(points, min, max)).toEqual({ x, y: x.map((at) => at / 10) });
  });
});

describe("downsample", () => {
  const line = (length: number, y: (i: number) => number) => ({
    x: Array.from({ length }, (_, i) => i * 10),
    y: Array.from({ length }, (_, i) => y(i)),
  });

  it("keeps every peak, both ends, and the order, in bounded length", () => {
    const points = line(10_000, (i) => (i === 5000 ? 99 : i === 7001 ? -99 : Math.sin(i)));
    const { x, y } = thinPoints(points, 100);
    expect(x.length).toBeLessThanOrEqual(202);
    expect([x[0], x.at(-1)]).toEqual([0, 99_990]);
    expect(y[x.indexOf(50_000)]).toBe(99);
    expect(y[x.indexOf(70_010)]).toBe(-99);
    expect(x.every((at, i) => i === 0 || at > x[i - 1]!)).toBe(true);
  });

  it("leaves few points as they are, and prefers a value to a gap", () => {
    const few = line(20, (i) => i);
    expect(thinPoints(few, 100)).toEqual(few);
    const gaps = line(1000, (i) => (i % 50 === 7 ? i : NaN));
    expect(thinPoints(gaps, 20).y.filter(Number.isFinite)).toHaveLength(20);
  });

  it("only takes points that are there", () => {
    const values = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 60 }), (y, buckets) => {
        const found = thinPoints({ x: y.map((_, i) => i), y }, buckets);
        return found.x.length <= Math.max(2 * buckets + 2, 0) && found.x.every((i, k) => Object.is(y[i], found.y[k]));
      }),
    );
  });
});

describe("align", () => {
  it("puts curves of other steps on one axis: undefined where there is no point, null where there is a gap", () => {
    const [x, a, b] = align([
      { x: [1, 3, 5], y: [10, NaN, 30] },
      { x: [3, 4], y: [7, 8] },
    ]);
    expect(x).toEqual([1, 3, 4, 5]);
    expect(a).toEqual([10, null, undefined, 30]);
    expect(b).toEqual([undefined, 7, 8, undefined]);
  });

  it("has an axis without curves", () => {
    expect(align([])).toEqual([[]]);
  });
});
