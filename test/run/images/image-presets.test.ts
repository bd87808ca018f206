import { describe, expect, it } from "vitest";
import { imagenet32Anchors } from "../../../src/run/images/imagenet32.ts";
import { prepareCommand } from "../../../src/run/images/prepared.ts";
import { cifar10Published, marked } from "../../../src/run/images/published.ts";
import { presets } from "../../../src/run/pipeline.ts";
import { imagesPresets, mnistPresets } from "../../../pipelines/presets/images.ts";
import { imagenet32Presets } from "../../../pipelines/presets/imagenet32.ts";
import { cifar10Presets } from "../../../pipelines/presets/cifar10.ts";
import { resolveConfig } from "../../../src/run/resolve-config.ts";

const config = (settings: typeof mnistPresets, preset: (typeof presets)[number], imageSize: number) =>
  resolveConfig({ imageSize, settings: [settings[preset]], assignments: [] });

describe("the presets of image pipelines", () => {
  it.each(presets)("%s fits the images, without remarks", (preset) => {
    for (const [settings, size] of [
      [imagenet32Presets, 32],
      [mnistPresets, 28],
      [imagesPresets, 32],
      [imagesPresets, 64],
    ] as const) {
      const { config: resolved, notes } = config(settings, preset, size);
      expect(notes).toEqual([]);
      expect(resolved.data.randomFlip).toBe(false);
      expect(resolved.model.numResBlocks).toBe({ quick: 1, paper: 4, paper_deep: 8, modern: 4, released: 4 }[preset]);
    }
  });

  it("follow the paper's text on ImageNet 32: 500,000 steps of 256, a falling rate; the reference's network, no dropout", () => {
    const recipe = {
      training: { steps: 500_000, batchSize: 256, likelihoodWeighting: true, importanceWeighting: true },
      data: { randomFlip: false },
      optim: { lr: 2e-4, schedule: "linear", finalLr: 1e-5, decaySteps: 100_000, warmup: 5000, gradClip: 1 },
    };
    const model = { nf: 128, chMult: [1, 2, 2, 2], attnResolutions: [16], dropout: 0, emaRate: 0.9999 };
    for (const [preset, numResBlocks] of [
      ["paper", 4],
      ["paper_deep", 8],
    ] as const) {
      const { config: resolved } = config(imagenet32Presets, preset, 32);
      expect(resolved).toMatchObject({ ...recipe, model: { ...model, numResBlocks } });
    }
  });

  it.each(presets)("%s has the same tolerances for all images, the reference's in all but the quick one", (preset) => {
    const [likelihood, samples] = preset === "quick" ? [1e-4, 1e-3] : [1e-5, 1e-5];
    for (const settings of [cifar10Presets, imagenet32Presets, mnistPresets, imagesPresets]) {
      const { config: resolved } = config(settings, preset, settings === mnistPresets ? 28 : 32);
      const { rtol, atol, stepControl, hutchinson, boundForm, boundOffset } = resolved.eval;
      expect([rtol, atol, stepControl]).toEqual([likelihood, likelihood, "batch"]);
      expect([hutchinson, boundForm, boundOffset]).toEqual(["rademacher", "dsm", true]);
      expect(resolved.sampling).toMatchObject({ rtol: samples, atol: samples, stepControl: "batch", method: "ode" });
      expect(resolved.training).toMatchObject({ smallestTime: 1e-5, likelihoodWeighting: true });
      expect(resolved.sampling.smallestTime).toBe(1e-3);
    }
  });

  it("have the reference's dequantizers, and a small one in the quick one", () => {
    const sizes = (settings: typeof mnistPresets, preset: (typeof presets)[number]) => {
      const { filters, components, blocks, heads } = config(settings, preset, 32).config.dequantizer;
      return [filters, components, blocks, heads];
    };
    for (const preset of ["paper", "paper_deep", "modern", "released"] as const) {
      expect(sizes(cifar10Presets, preset)).toEqual([96, 32, 2, 4]);
      expect(sizes(imagenet32Presets, preset)).toEqual([128, 32, 8, 4]);
    }
    for (const settings of [cifar10Presets, imagenet32Presets]) expect(sizes(settings, "quick")).toEqual([32, 8, 1, 4]);
  });

  it("evaluate all images as often as the reference does: five times on CIFAR-10, once on ImageNet 32", () => {
    const evaluation = (settings: typeof mnistPresets) => config(settings, "paper", 32).config.eval;
    expect(evaluation(cifar10Presets)).toMatchObject({ numImages: 10_000, repeats: 5, boundTimes: 1000 });
    expect(evaluation(imagenet32Presets)).toMatchObject({ numImages: 50_000, repeats: 1, boundTimes: 1000 });
  });

  it("leave those of CIFAR-10 as they are", () => {
    expect(cifar10Presets.quick.model?.chMult).toEqual([1, 2, 2, 2]);
    expect(cifar10Presets.quick.data).toBeUndefined();
  });
});

describe("published numbers", () => {
  const imagenet32 = (version: "old" | "new" | undefined) => {
    const { config: resolved } = config(imagenet32Presets, "quick", 32);
    return imagenet32Anchors({ ...resolved, data: { ...resolved.data, version } });
  };

  it("of ImageNet 32 are those of the version in use", () => {
    expect(imagenet32("old").map(({ bpd, bound, discreteBound }) => bpd ?? bound ?? discreteBound)).toEqual([
      3.76, 3.86, 3.79, 3.72, 3.69, 3.67,
    ]);
    expect(imagenet32("new").map(({ bpd }) => bpd)).toEqual([3.43]);
    expect(imagenet32(undefined)).toEqual([]);
    for (const version of ["old", "new"] as const) {
      for (const { name } of imagenet32(version)) expect(name).toContain(`${version} ImageNet 32`);
    }
  });

  const cifar10 = (preset: (typeof presets)[number], ...texts: string[]) => {
    const assignments = texts.map((text) => ({ name: text.split("=")[0]!, text: text.split("=")[1]! }));
    const { config: resolved } = resolveConfig({ imageSize: 32, settings: [cifar10Presets[preset]], assignments });
    return marked(cifar10Published, resolved).filter(({ same }) => same);
  };

  it("of CIFAR-10 are marked where every setting is known and the run's", () => {
    const baseline = "training.likelihoodWeighting=false";
    expect(cifar10("quick", baseline)).toEqual([]);
    expect(cifar10("paper")).toEqual([]);
    expect(cifar10("paper", baseline).map(({ bpd, fid }) => [bpd, fid])).toEqual([[3.16, 3.93]]);
    expect(cifar10("paper_deep", baseline, "sde=subvp").map(({ bpd }) => bpd)).toEqual([2.99]);
    expect(cifar10("paper", baseline, "eval.dequantizer=true")).toEqual([]);
  });
});

describe("prepareCommand", () => {
  it("can be pasted into a shell", () => {
    expect(prepareCommand("/photos/cats", "folder --size 32")).toBe(
      "npm run data -- prepare --format folder --size 32 --from /photos/cats --out data/cats, " +
        "then use --set data.path=data/cats",
    );
    expect(prepareCommand("my cat's", "mnist", "m")).toContain(`--from 'my cat'\\''s' --out data/m`);
  });
});
