import { describe, expect, it } from "vitest";
import { isNoiseMetric, logPlace, noiseCurves, positiveRange } from "../../../src/monitor/web/page/noise-curves.ts";

const series = (steps: number[], values: number[]) => ({ steps, values });

describe("noiseCurves", () => {
  const told = new Map([
    ["train/loss", series([1], [9])],
    ["loss_by_noise/weighted/10.25", series([100, 200, 300], [1, 2, 3])],
    ["loss_by_noise/weighted/-9.50", series([100, 300], [4, 6])],
    ["loss_by_noise/unweighted/0.50", series([100], [7])],
  ]);

  it("puts bins in order, and where a bin has no value of a step its last one before", () => {
    expect(noiseCurves(told, "weighted", 10)).toEqual({
      logSnr: [-9.5, 10.25],
      steps: [100, 200, 300],
      values: [[4, 1], [4, 2], [6, 3]],
    }); // prettier-ignore
    expect(noiseCurves(told, "unweighted", 10)).toEqual({ logSnr: [0.5], steps: [100], values: [[7]] });
  });

  it("has no value before a bin's first, and nothing of a run that tells none", () => {
    const late = new Map([...told, ["loss_by_noise/weighted/0.00", series([200], [5])]] as const);
    expect(noiseCurves(late, "weighted", 10).values[0]).toEqual([4, NaN, 1]);
    expect(noiseCurves(new Map(), "weighted", 10)).toEqual({ logSnr: [], steps: [], values: [] });
  });

  it("leaves columns out evenly where there are too many, and keeps the newest", () => {
    const steps = Array.from({ length: 10 }, (_, i) => i + 1);
    const long = new Map([["loss_by_noise/weighted/0.00", series(steps, steps)]]);
    expect(noiseCurves(long, "weighted", 4)).toEqual({
      logSnr: [0],
      steps: [1, 4, 7, 10],
      values: [[1], [4], [7], [10]],
    });
  });

  it("knows its metrics", () => {
    expect(["loss_by_noise/weighted/-3.20", "loss_by_noise/other/1.00", "train/loss"].map(isNoiseMetric)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("the logarithmic scale", () => {
  it("goes from the least positive value to the largest, and has none without one", () => {
    expect(
      positiveRange([
        [NaN, 4],
        [0, 0.25],
        [Infinity, -1],
      ]),
    ).toEqual([0.25, 4]);
    expect(positiveRange([[NaN, 0]])).toBeUndefined();
    expect([0.25, 1, 4].map((value) => logPlace(value, [0.25, 4]))).toEqual([0, 0.5, 1]);
    expect(logPlace(2, [2, 2])).toBe(0.5);
  });
});
