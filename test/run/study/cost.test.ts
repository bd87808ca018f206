import { describe, expect, it } from "vitest";
import { cifar10Presets } from "../../../pipelines/presets/cifar10.ts";
import { ncsnpp } from "../../../src/models/ncsnpp.ts";
import { networkOf } from "../../../src/run/network-from-config.ts";
import { resolveConfig } from "../../../src/run/resolve-config.ts";
import { costText, gpuSeconds, H100 } from "../../../src/run/study/cost.ts";
import { networkWork } from "../../../src/run/study/network-work.ts";
import type { Preset } from "../../../src/run/pipeline.ts";

const configOf = (preset: Preset, ...texts: string[]) =>
  resolveConfig({
    ...{ imageSize: 32, settings: [cifar10Presets[preset]] },
    assignments: texts.map((text) => ({ name: text.split("=")[0]!, text: text.split("=")[1]! })),
  }).config;

describe("networkWork", () => {
  it.each(["quick", "paper", "paper_deep"] as const)("counts the convolutions that %s has", (preset) => {
    const config = configOf(preset);
    const kernels = ncsnpp(networkOf(config, [32, 32, 3])).parameters.filter(
      ({ name, shape }) => /Conv_\d+\/kernel$/.test(name) && shape.length === 4,
    );
    const weights = kernels.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(networkWork(config.model, 32).weights).toBe(weights);
  });
});

describe("the cost of a study", () => {
  const free = ["eval.numImages=1", "eval.repeats=1", "eval.boundTimes=1", "eval.loss=false", "sampling.numSamples=1", "training.snapshotEvery=0"]; // prettier-ignore

  it("is that of the measured steps, and an evaluation's beside them", () => {
    const config = configOf("paper", "training.steps=10000", "training.batchSize=128", ...free);
    const seconds = gpuSeconds([{ mode: "train", config }]);
    expect(seconds / (10_000 * 0.163)).toBeCloseTo(1, 2);
    // Only the steps that are left.
    const rest = gpuSeconds([{ mode: "train", config, from: 7500 }]);
    expect((seconds - rest) / (7500 * 0.163)).toBeCloseTo(1, 6);
  });

  it("grows with the depth of the network", () => {
    const ratio =
      gpuSeconds([{ mode: "train", config: configOf("paper_deep") }]) /
      gpuSeconds([{ mode: "train", config: configOf("paper") }]);
    expect(ratio).toBeGreaterThan(1.7);
    expect(ratio).toBeLessThan(2);
  });

  it("is bounded by the longest cell, however many GPUs there are", () => {
    const config = configOf("paper", "training.steps=10000", "training.batchSize=128", ...free);
    const [text] = costText([[{ mode: "train", config }], [{ mode: "train", config }]], H100);
    // Two cells of 27 minutes.
    expect(text).toBe("cost: about 1 hours of an H100; on so many of them, a cell each at a time: 1: 54 min 21 s, 8: 27 min 10 s, 64: 27 min 10 s"); // prettier-ignore
  });
});
