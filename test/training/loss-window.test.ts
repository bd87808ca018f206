import { describe, expect, it } from "vitest";
import { isLogStep, nextWindow, parseWindow } from "../../src/training/loss-window.ts";

const sums = { step: 6, count: 2, loss: 5, gradNorm: 7, learningRate: 0.5 };

describe("sums since the last log step", () => {
  it("are of each multiple, of the last step, and of the round that passes a multiple", () => {
    const steps = (every: number, stride?: number) =>
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((step) =>
        isLogStep(step, { steps: 10, every, ...(stride && { stride }) }),
      );
    expect(steps(4)).toEqual([4, 8, 10]);
    expect(steps(1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // Rounds of two steps, told at every third: 3 is passed by the round that ends with 4.
    expect([2, 4, 6, 8, 10].filter((step) => isLogStep(step, { steps: 10, every: 3, stride: 2 }))).toEqual([4, 6, 10]);
  });

  it("grow, and begin anew behind a log step", () => {
    const value = { step: 7, loss: 10, gradNorm: 20, learningRate: 0.25 };
    const log = { steps: 100, every: 4 };
    expect(nextWindow(undefined, value, log)).toEqual({ ...value, count: 1 });
    expect(nextWindow(sums, value, log)).toEqual({ step: 7, count: 3, loss: 15, gradNorm: 27, learningRate: 0.25 });
    expect(nextWindow({ ...sums, step: 8 }, value, log)).toEqual({ ...value, count: 1 });
  });

  it("are read as they were written, for the checkpoint's step", () => {
    const { step: _, ...stored } = sums;
    expect(parseWindow(stored, 6)).toEqual(sums);
    expect(parseWindow(JSON.parse(JSON.stringify(sums)), 9)).toEqual({ ...sums, step: 9 });
  });

  it.each([undefined, null, 3, "sums", {}])("are none where %j is stored", (value) => {
    expect(parseWindow(value, 6)).toBeUndefined();
  });

  it.each(["count", "loss", "gradNorm", "learningRate"])("are none where %s is no finite number", (name) => {
    for (const value of [undefined, "1", NaN, Infinity])
      expect(parseWindow({ ...sums, [name]: value }, 6)).toBeUndefined();
  });
});
