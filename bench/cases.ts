/** The models and batches that are measured. */
import { quickNoise } from "../pipelines/presets/cifar10.ts";
import { resolveConfig } from "../src/run/resolve-config.ts";
import type { Config } from "../src/run/config.ts";

export interface BenchCase {
  readonly name: string;
  readonly config: Config;
}

interface Size {
  readonly nf: number;
  readonly numResBlocks: number;
  readonly batchSize: number;
  /** Scale of the last convolution's start; default that of the presets, 0. */
  readonly initScale?: number;
}

const IMAGE_SIZE = 32;

/** The preset `quick` with another size, predicting the noise; a constant learning rate, and an average as in the preset `paper`. */
export function benchCase(name: string, { nf, numResBlocks, batchSize, initScale = 0 }: Size): BenchCase {
  const change = {
    training: { batchSize },
    model: { nf, numResBlocks, initScale, emaRate: 0.9999 },
    optim: { lr: 2e-4, warmup: 0, schedule: "constant", gradClip: 1 },
    data: { randomFlip: true },
  } as const;
  const { config } = resolveConfig({
    imageSize: IMAGE_SIZE,
    settings: [quickNoise, change],
    assignments: [],
  });
  return { name, config };
}

/** The size of the preset `quick`. */
export const small = benchCase("quick", { nf: 32, numResBlocks: 1, batchSize: 16 });

/** The preset `paper` at half its width and half its depth, about 10M parameters. */
export const medium = benchCase("paper-shaped", { nf: 64, numResBlocks: 2, batchSize: 8 });
