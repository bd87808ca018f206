import { describe, expect, it } from "vitest";
import { summaryJson, summaryTable } from "../../src/cli/summary.ts";

const found = { bpd: 4.25, bpdStandardError: 0.02, bound: 5, evalLoss: 1.5, evalImages: 16 } as const;

describe("the summary of an evaluation", () => {
  it("says over which images its numbers are, and what made the pixels continuous", () => {
    const table = summaryTable({ ...found, split: "train", dequantization: "variational" });
    expect(table).toContain("bits/dim   4.250 ± 0.020 (ODE, 16 train images, variational dequantization)");
    expect(table).toContain("bound      5.0000 bits/dim (16 train images, variational dequantization)");
    expect(table).toContain("data loss  1.5000 (16 train images)");
    const bare = summaryTable({ ...found, split: "test" });
    expect(bare).toContain("(ODE, 16 test images)\n");
    expect(summaryTable(found)).toContain("(ODE, 16 images)\n");
  });

  it("says which kind of number they are", () => {
    const table = summaryTable({ ...found, split: "test", dequantization: "uniform", importanceSamples: 20, emaRate: 0.999 }); // prettier-ignore
    const average = "average of decay 0.999";
    const weighted = "uniform dequantization, importance-weighted over 20 draws";
    expect(table).toContain(`bits/dim   4.250 ± 0.020 (ODE, 16 test images, ${weighted}, ${average})\n`);
    expect(table).toContain(`bound      5.0000 bits/dim (16 test images, uniform dequantization, ${average})\n`);
    expect(table).toContain(`data loss  1.5000 (16 test images, ${average})`);
    const discrete = summaryTable({ ...found, split: "test", dequantization: "truncated" });
    expect(discrete).toContain("(ODE, 16 test images, truncated dequantization)\n");
    expect(discrete).toContain("bound      5.0000 bits/dim (16 test images, on discrete data)\n");
  });

  it("shows a loss of 0, and energy in kWh", () => {
    const table = summaryTable({ loss: 0, energyJoules: 7.2e6 });
    expect(table).toMatch(/^ {2}loss +0$/m);
    expect(table).toMatch(/^ {2}energy +2 kWh, of the GPUs$/m);
    expect(summaryTable({ peakMemoryMB: 3 })).not.toMatch(/loss|energy/);
  });

  it.each([
    [{}, "done"],
    [{ error: "the loss is NaN" }, "failed"],
    [{ stoppedBy: "SIGTERM" }, "stopped by SIGTERM"],
    [{ stoppedBy: "SIGTERM", error: "the disk is full" }, "stopped by SIGTERM"],
  ] as const)("says how a run of %o ended", (over, how) => {
    const table = summaryTable({ pipeline: "count", mode: "train", preset: "quick", seconds: 3, loss: 1, ...over });
    expect(table.split("\n")[0]).toBe(`count (train, quick): ${how} after 3 s`);
  });

  it("has them as keys of --json", () => {
    const json = JSON.parse(summaryJson({ ...found, split: "test", dequantization: "uniform" })) as object;
    expect(json).toMatchObject({ bpd: 4.25, bound: 5, split: "test", dequantization: "uniform" });
  });
});
