/** The presets of CIFAR-10. */
import type { Config, DeepPartial, Presets } from "scorestream";

/** Predicts the velocity, and draws times to suit it, spread evenly over a step. */
const velocity = {
  training: { likelihoodWeighting: true, importanceWeighting: false, velocityTimes: true, stratifiedTimes: true },
  model: { prediction: "velocity" },
} as const;

/** The paper's method and architecture, small enough to train and evaluate in minutes on a CPU. */
export const quickNoise: DeepPartial<Config> = {
  training: {
    steps: 2400,
    batchSize: 16,
    checkpointEvery: 400,
    logEvery: 50,
    snapshotEvery: 800,
    // A second grid would double the time of a look.
    snapshotRaw: false,
    histogramEvery: 400,
    likelihoodWeighting: true,
    importanceWeighting: true,
  },
  model: { nf: 32, chMult: [1, 2, 2, 2], numResBlocks: 1, attnResolutions: [16], dropout: 0, emaRate: 0.99 },
  optim: { lr: 4e-3, warmup: 100, schedule: "linear", decaySteps: 2400 },
  sampling: { numSamples: 36, rtol: 1e-3, atol: 1e-3, timeVariable: "sqrt" },
  eval: { numImages: 128, batchSize: 16, boundTimes: 32, rtol: 1e-4, atol: 1e-4, timeVariable: "sqrt", repeats: 1 },
  dequantizer: { steps: 1000, batchSize: 16, lr: 1e-3, filters: 32, components: 8, blocks: 1, heads: 4 },
};

/** Predicts the velocity: samples of so small a network that predicts the noise are saturated, see docs/lab/ablation.md. */
const quick: DeepPartial<Config> = {
  ...quickNoise,
  training: { ...quickNoise.training, ...velocity.training },
  model: { ...quickNoise.model, ...velocity.model },
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

/**
 * What later work went on to, with the paper's network: a predicted velocity, times drawn for it and spread evenly over a
 * batch, and bfloat16 where the processor is fast at it. The first three were measured together at the size of `quick`,
 * not at this one; the rest is the paper's.
 */
const modern: DeepPartial<Config> = {
  ...paper,
  training: { ...paper.training, ...velocity.training },
  model: { ...paper.model, ...velocity.model },
  engine: { precision: "auto" },
};

/**
 * The settings of the released code where they differ from the paper's text, with the flags of its likelihood weighting
 * and importance sampling.
 *
 * @see configs/default_cifar10_configs.py and configs/vp/cifar10_ddpmpp_continuous.py of yang-song/score_flow
 */
const released: DeepPartial<Config> = {
  ...paper,
  training: {
    ...paper.training,
    steps: 1_300_001,
    batchSize: 128,
    checkpointEvery: 10_000,
  },
  data: { randomFlip: true, uniformDequantization: false },
  optim: { lr: 2e-4, warmup: 5000, gradClip: 1, schedule: "constant" },
  eval: { numImages: 10_000, batchSize: 1024, boundTimes: 1000, repeats: 5 },
  dequantizer: { steps: 300_001, emaRate: 0.99, offset: true },
};

export const cifar10Presets: Presets = { quick, paper, paper_deep: paperDeep, modern, released };
