/** Configuration before a pipeline or preset changes it: the released DDPM++ settings with the plain loss. */
import { SMALLEST_TIMES, type SmallestTimes } from "../sde/sde.ts";
import { SDES, type SdeName } from "../sde/sdes.ts";
import type { Config } from "./config.ts";

/** `smallestTime` depends on the SDE: see {@link smallestTimes}. */
export type BaseConfig = Omit<Config, "training" | "sampling"> & {
  readonly training: Omit<Config["training"], "smallestTime">;
  readonly sampling: Omit<Config["sampling"], "smallestTime">;
};

/** @see the reference's configs/default_cifar10_configs.py and configs/vp/cifar10_ddpmpp_continuous.py */
export const baseConfig: BaseConfig = {
  seed: 42,
  sde: "vp",
  training: {
    steps: 250_000,
    batchSize: 128,
    shards: 1,
    checkpointEvery: 10_000,
    keepCheckpoints: 3,
    keepEvery: 0,
    onDivergence: "stop",
    logEvery: 100,
    snapshotEvery: 10_000,
    boundImages: 16,
    snapshotRaw: true,
    snapshotNearest: 50_000,
    histogramEvery: 1000,
    noiseBins: 12,
    likelihoodWeighting: false,
    importanceWeighting: false,
    velocityTimes: false,
    stratifiedTimes: false,
    continuous: true,
    reduceMean: true,
  },
  data: { testFraction: 0.05, uniformDequantization: true, randomFlip: true, centered: true },
  model: {
    betaMin: 0.1,
    betaMax: 20,
    sigmaMin: 0.01,
    sigmaMax: 50,
    numScales: 1000,
    inputFeatures: [],
    nf: 128,
    chMult: [1, 2, 2, 2],
    numResBlocks: 4,
    attnResolutions: [16],
    dropout: 0.1,
    emaRate: 0.9999,
    emaRates: [],
    initScale: 0,
    skipRescale: true,
    resblockType: "biggan",
    fir: false,
    firKernel: [1, 3, 3, 1],
    progressive: "none",
    progressiveInput: "none",
    progressiveCombine: "sum",
    embeddingType: "positional",
    fourierScale: 16,
    scaleBySigma: false,
    resampWithConv: true,
    conditional: true,
    nonlinearity: "swish",
  },
  optim: {
    lr: 2e-4,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    warmup: 5000,
    gradClip: 1,
    weightDecay: 0,
    schedule: "constant",
    finalLr: 1e-5,
    decaySteps: 100_000,
  },
  sampling: {
    numSamples: 64,
    rtol: 1e-5,
    atol: 1e-5,
    stepControl: "batch",
    noiseRemoval: true,
    method: "ode",
    predictor: "reverse_diffusion",
    corrector: "langevin",
    snr: 0.16,
    nStepsEach: 1,
    probabilityFlow: false,
  },
  eval: {
    split: "test",
    numImages: 10_000,
    batchSize: 256,
    rtol: 1e-5,
    atol: 1e-5,
    stepControl: "batch",
    hutchinson: "rademacher",
    boundForm: "dsm",
    boundTimes: 1000,
    boundOffset: true,
    repeats: 5,
    loss: true,
    precision: "float32",
    dequantizer: false,
    dequantization: "uniform",
    importanceSamples: 1,
  },
  dequantizer: {
    steps: 300_000,
    batchSize: 128,
    lr: 2e-4,
    filters: 96,
    components: 32,
    blocks: 2,
    heads: 4,
    emaRate: 0.99,
    offset: true,
  },
  quality: { numSamples: 50_000, batchSize: 32 },
  engine: { compile: true, deterministic: true },
  exchange: {
    engine: "grpc",
    wire: "float32",
    mode: "sync",
    every: 50,
    outerLr: 0.7,
    outerMomentum: 0.9,
    moments: "averaged",
    deadlineSeconds: 60,
    mixed: "refuse",
    verifyEvery: 1000,
  },
};

/** Smallest times of the SDE of this name; of a name that there is not, those of most. They depend on no number. */
export function smallestTimes(sde: unknown): SmallestTimes {
  const make = Object.hasOwn(SDES, String(sde)) ? SDES[sde as SdeName] : undefined;
  const { model } = baseConfig;
  return make?.({ ...model, N: model.numScales }).smallestTimes ?? SMALLEST_TIMES;
}
