import { describe, expect, it } from "vitest";
import { imagenet32Anchors } from "../../../src/cli/images/imagenet32.ts";
import { prepareCommand } from "../../../src/cli/images/prepared.ts";
import { presets } from "../../../src/cli/pipeline.ts";
import { imagesPresets, mnistPresets } from "../../../src/cli/presets-images.ts";
import { imagenet32Presets } from "../../../src/cli/presets-imagenet32.ts";
import { cifar10Presets } from "../../../src/cli/presets.ts";
import { resolveConfig } from "../../../src/cli/resolve-config.ts";

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
      expect(resolved.model.numResBlocks).toBe({ quick: 1, paper: 4, paper_deep: 8 }[preset]);
    }
  });

  it("keep the paper's of ImageNet 32 as released, no dropout and a constant learning rate", () => {
    const { config: paper } = config(imagenet32Presets, "paper", 32);
    expect(paper).toMatchObject({
      training: { steps: 1_300_000, batchSize: 128, likelihoodWeighting: true, importanceWeighting: true },
      model: { nf: 128, chMult: [1, 2, 2, 2], dropout: 0 },
      optim: { lr: 2e-4, schedule: "constant", warmup: 5000 },
    });
    expect(config(imagenet32Presets, "paper_deep", 32).config.training.steps).toBe(950_000);
  });

  it("leave those of CIFAR-10 as they are", () => {
    expect(cifar10Presets.quick.model?.chMult).toEqual([1, 2, 2, 2]);
    expect(cifar10Presets.quick.data).toBeUndefined();
  });
});

describe("the published numbers of ImageNet 32", () => {
  const bpd = (version: "old" | "new" | undefined) =>
    imagenet32Anchors({ ...config(imagenet32Presets, "quick", 32).config.data, version });

  it("are those of the version in use, which their names say", () => {
    expect(bpd("old").map((anchor) => anchor.bpd)).toEqual([3.76, 3.72, 3.69, 3.67]);
    expect(bpd("new").map((anchor) => anchor.bpd)).toEqual([3.43]);
    for (const version of ["old", "new"] as const) {
      for (const { name } of bpd(version)) expect(name).toContain(`${version} ImageNet 32`);
    }
  });
});

describe("prepareCommand", () => {
  it("can be pasted into a shell", () => {
    expect(prepareCommand("/photos/cats", "folder --size 32")).toBe(
      "npm run data -- prepare --format folder --size 32 --from /photos/cats --out data/cats, " +
        "and then say --set data.path=data/cats",
    );
    expect(prepareCommand("my cat's", "mnist", "m")).toContain(`--from 'my cat'\\''s' --out data/m`);
  });
});
