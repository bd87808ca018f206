/** The presets of CIFAR-10. */
import type { Config, DeepPartial, Presets } from "scorestream";

/** The same architecture, small enough to train and evaluate in minutes on a CPU. */
const quick: DeepPartial<Config> = {
  training: {
    steps: 2400,
    batchSize: 16,
    checkpointEvery: 400,
    logEvery: 50,
    snapshotEvery: 800,
    histogramEvery: 400,
    likelihoodWeighting: true,
    importanceWeighting: true,
  },
  model: { nf: 32, chMult: [1, 2, 2, 2], numResBlocks: 1, attnResolutions: [16], dropout: 0, emaRate: 0.99 },
  optim: { lr: 4e-3, warmup: 100, schedule: "linear", decaySteps: 2400 },
  sampling: { numSamples: 36, rtol: 1e-3, atol: 1e-3 },
  eval: { numImages: 128, batchSize: 16, boundTimes: 32, rtol: 1e-4, atol: 1e-4, repeats: 1 },
  dequantizer: { steps: 1000, batchSize: 16, lr: 1e-3, filters: 32, components: 8, blocks: 1, heads: 4 },
};

/** Table 2 of the paper, DDPM++ with the VP SDE: its text's step count, batch and learning rate; no augmentation. */
const paper: DeepPartial<Config> = {
  training: {
    steps: 250_000,
    batchSize: 256,
    checkpointEvery: 5000,
    boundImages: 256,
    likelihoodWeighting: true,
    importanceWeighting: true,
  },
  data: { randomFlip: false },
  model: { nf: 128, chMult: [1, 2, 2, 2], numResBlocks: 4, attnResolutions: [16], dropout: 0.1, emaRate: 0.9999 },
  optim: { lr: 2e-4, warmup: 5000, gradClip: 1, schedule: "linear", finalLr: 1e-5, decaySteps: 100_000 },
  eval: { numImages: 10_000, batchSize: 256, boundTimes: 1000 },
};

const paperDeep: DeepPartial<Config> = { ...paper, model: { ...paper.model, numResBlocks: 8 } };

export const cifar10Presets: Presets = { quick, paper, paper_deep: paperDeep };
