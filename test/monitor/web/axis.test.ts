/** Places on the charts' axis, and the range of values that is drawn. */
import { describe, expect, it } from "vitest";
import { markText, placeText, pointsOn, startOf } from "../../../src/monitor/web/page/axis.ts";
import { toGrid, curveValueAt } from "../../../src/monitor/web/page/curves.ts";
import { boundsOf } from "../../../src/monitor/web/page/outliers.ts";
import { Series } from "../../../src/monitor/web/page/series.ts";
import { pinched } from "../../../src/monitor/web/page/touch-zoom.ts";

function seriesOf(...points: readonly (readonly [step: number, value: number, ms: number])[]): Series {
  const series = new Series("1");
  for (const [step, value, ms] of points) series.add(step, value, ms);
  return series;
}

describe("an axis", () => {
  const series = seriesOf([10, 1, 5000], [20, 2, 6500], [30, 3, 6500], [40, 4, 6000], [50, 5, 8000]);

  it("shows steps, seconds since the node's first metric, or the time of day; x always grows", () => {
    expect(pointsOn(series, "step", 0)).toEqual({ x: [10, 20, 30, 40, 50], y: [1, 2, 3, 4, 5] });
    expect(pointsOn(series, "relative", 4000)).toEqual({ x: [1, 2.5, 4], y: [1, 4, 5] });
    expect(pointsOn(series, "wall", 4000).x).toEqual([5, 6.5, 8]);
    expect(startOf({ series: new Map([["a", series], ["b", seriesOf([1, 0, 3000])]]) })).toBe(3000); // prettier-ignore
  });

  it("names its places and marks", () => {
    expect([placeText("step", 1234.4), placeText("relative", 75), placeText("relative", -1)]).toEqual(["step 1,234", "1 min 15 s", "0 s"]); // prettier-ignore
    expect([markText("step", 5000, 1), markText("relative", 0, 1), markText("relative", 7200, 1)]).toEqual(["5,000", "0", "2 h"]); // prettier-ignore
    const at = new Date(2026, 0, 2, 3, 4, 5).getTime() / 1000;
    expect([markText("wall", at, 86_400), markText("wall", at, 60), markText("wall", at, 5)]).toEqual(["Jan 2", "03:04", "03:04:05"]); // prettier-ignore
    expect(placeText("wall", at)).toBe("1/2/2026, 03:04:05");
  });

  it("takes over a run that went back, with its times", () => {
    const again = seriesOf([10, 1, 1000], [20, 2, 2000], [20, 3, 9000]);
    expect([again.steps, again.values, again.times]).toEqual([[10, 20], [1, 3], [1000, 9000]]); // prettier-ignore
  });
});

describe("a grid for many curves", () => {
  it("keeps the smallest and the largest of each place, in their order, within half a place", () => {
    const x = [0, 1, 2, 3, 10, 11, 12, 100, 101];
    const y = [5, 1, 9, 4, NaN, 7, 8, 2, 3];
    expect(toGrid({ x, y }, 0, 100, 10)).toEqual({ x: [2.5, 7.5, 12.5, 17.5, 92.5, 101], y: [1, 9, 7, 8, 2, 3] });
  });

  it("makes one axis of at most two places for each bucket of curves that share no step", () => {
    const places = new Set<number>();
    for (let run = 0; run < 30; run++) {
      const x = Array.from({ length: 1000 }, (_, i) => i + run / 100);
      for (const at of toGrid({ x, y: x.map(Math.sin) }, 0, 1000, 50).x) places.add(at);
    }
    expect(places.size).toBeLessThanOrEqual(100);
  });
});

describe("the value at the pointer", () => {
  const points = { x: [0, 7, 14, 21], y: [1, 2, 3, 4] };

  it("is that of the next point, whatever steps other runs have", () => {
    expect([0, 3, 4, 10, 11, 21].map((at) => curveValueAt(points, at, 0))).toEqual([1, 1, 2, 2, 3, 4]);
  });

  it("is none beyond the ends", () => {
    expect([-1, 22].map((at) => curveValueAt(points, at, 0.5))).toEqual([undefined, undefined]);
    expect([-1, 22].map((at) => curveValueAt(points, at, 1))).toEqual([1, 4]);
    expect(curveValueAt({ x: [], y: [] }, 0, 1)).toBeUndefined();
  });
});

describe("outliers", () => {
  const curve = Array.from({ length: 100 }, (_, i) => 3 + (i % 10) / 10);

  it("are left out, and counted", () => {
    expect(boundsOf([[...curve, 1e3, -1e3, NaN]])).toEqual({ min: 3, max: 3.9, outside: 2 });
    expect(boundsOf([curve])).toEqual({ min: 3, max: 3.9, outside: 0 });
  });

  it.each([
    ["one run, half of it", [[...curve, ...Array<number>(100).fill(1e30)]]],
    ["one of two runs, at once", [curve, Array<number>(100).fill(1e30)]],
    ["one of two short runs", [[3, 3.9], [3, 1e30]]], // prettier-ignore
    ["one of two runs, step by step", [curve, [...curve.slice(0, 20), 40, 900, 1e5, 1e8, -1e12, 1e20, 1e30, ...Array<number>(500).fill(NaN)]]], // prettier-ignore
    ["two of three runs", [curve, Array<number>(300).fill(1e30), [3, 1e12, -Infinity, ...Array<number>(300).fill(1e30)]]], // prettier-ignore
    ["one of twenty runs", [...Array<number[]>(19).fill(curve), Array<number>(100).fill(1e30)]],
  ])("are what diverges: %s", (_, curves) => {
    const { min, max, outside } = boundsOf(curves)!;
    expect([min, max]).toEqual([3, 3.9]);
    expect(outside).toBe(curves.flat().filter((value) => Number.isFinite(value) && !(value >= 3 && value <= 3.9)).length); // prettier-ignore
    const onLog = boundsOf(curves, true)!;
    expect(onLog.min).toBeCloseTo(3, 9);
    expect(onLog.max).toBeLessThan(1e9);
    expect(onLog.outside).toBeGreaterThan(0);
  });

  it("are none among few values, among equal ones, and where two runs differ", () => {
    expect(boundsOf([[1, 2, 1e4]])).toEqual({ min: 1, max: 1e4, outside: 0 });
    expect(boundsOf([[...Array<number>(50).fill(2), 5]])).toEqual({ min: 2, max: 5, outside: 0 });
    for (const factor of [100, 3072]) {
      const far = curve.map((value) => factor * value);
      expect(boundsOf([curve, far])).toEqual({ min: 3, max: 3.9 * factor, outside: 0 });
    }
    expect(boundsOf([[NaN], []])).toBeUndefined();
    expect(boundsOf([[-1, 0]], true)).toBeUndefined();
  });

  it("are none where one run has nothing, or next to nothing", () => {
    const zeros = Array<number>(100).fill(0);
    const tiny = zeros.map((_, i) => (i % 2 ? 1 : -1) * 1e-16);
    expect(boundsOf([zeros, curve])).toEqual({ min: 0, max: 3.9, outside: 0 });
    expect(boundsOf([tiny, curve])).toEqual({ min: -1e-16, max: 3.9, outside: 0 });
    expect(boundsOf([zeros, curve.map((value) => 1e9 * value)])).toMatchObject({ min: 0, outside: 0 });
  });

  it("are those of the logarithms on a logarithmic axis, where a fall by decades is none", () => {
    const falling = Array.from({ length: 60 }, (_, i) => 10 ** (6 - i / 10));
    const { min, max, outside } = boundsOf([falling, [0, -1]], true)!;
    expect([min, max, outside]).toEqual([expect.closeTo(10 ** 0.1, 9), expect.closeTo(1e6, 3), 0]);
  });
});

it("two fingers keep under them what was under them", () => {
  const range = pinched([0, 100], [0.4, 0.6], [0.2, 0.8]);
  expect(range.map(Math.round)).toEqual([33, 67]);
  const at = (part: number) => range[0] + part * (range[1] - range[0]);
  expect([at(0.2), at(0.8)].map(Math.round)).toEqual([40, 60]);
  expect(pinched([0, 100], [0.4, 0.6], [0.5, 0.7]).map(Math.round)).toEqual([-10, 90]);
});
