import { describe, expect, it } from "vitest";
import { learningRate, type ScheduleOptions } from "../../src/training/schedule.ts";

const constant: ScheduleOptions = { lr: 2e-4, warmup: 5000, schedule: "constant", finalLr: 1e-5, decaySteps: 100_000 };
const linear: ScheduleOptions = { ...constant, schedule: "linear" };

describe("learningRate", () => {
  it.each([
    ["grows from 0", constant, 0, 0],
    ["grows linearly", constant, 2500, 1e-4],
    ["reaches lr", constant, 5000, 2e-4],
    ["then stays", constant, 1e9, 2e-4],
    ["needs no warmup", { ...constant, warmup: 0 }, 0, 2e-4],
    ["falls linearly", { ...linear, warmup: 0 }, 50_000, 1.05e-4],
    ["falls to finalLr", linear, 100_000, 1e-5],
    ["and stays there", linear, 200_000, 1e-5],
    ["grows and falls at once during warmup", linear, 2500, 0.5 * (2e-4 - 1.9e-4 * 0.025)],
  ])("%s", (_, options, step, expected) => {
    expect(learningRate(step, options)).toBeCloseTo(expected, 12);
  });
});
