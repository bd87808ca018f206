/** The presets of MNIST, and of any images: those of CIFAR-10, without mirror images, which not all data have. */
import type { Config, DeepPartial, Presets } from "scorestream";
import { cifar10Presets, quickNoise } from "./cifar10.ts";

const each = (change: (preset: DeepPartial<Config>) => DeepPartial<Config>): Presets => {
  const { quick, paper, paper_deep, modern, released } = cifar10Presets;
  return {
    quick: change(quick),
    paper: change(paper),
    paper_deep: change(paper_deep),
    modern: change(modern),
    released: change(released),
  };
};

export const imagesPresets = each((preset) => ({ ...preset, data: { ...preset.data, randomFlip: false } }));

/** 28 can be halved twice, so there are three resolutions: 28, 14 and 7. */
const threeResolutions = (preset: DeepPartial<Config>): DeepPartial<Config> => ({
  ...preset,
  data: { ...preset.data, randomFlip: false },
  model: { ...preset.model, chMult: [1, 2, 2], attnResolutions: [14] },
});

/** The quick one predicts the noise: what a predicted velocity gains was measured on colour images only. */
export const mnistPresets: Presets = { ...each(threeResolutions), quick: threeResolutions(quickNoise) };
