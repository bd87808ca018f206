import { describe, expect, it } from "vitest";
import gaussian from "../../pipelines/gaussian.ts";
import { cifar10Presets } from "../../pipelines/presets/cifar10.ts";
import { imagenet32Presets } from "../../pipelines/presets/imagenet32.ts";
import { imagesPresets, mnistPresets } from "../../pipelines/presets/images.ts";
import { baseConfig, smallestTimes } from "../../src/run/defaults.ts";

// Written out by value on purpose: a preset made from another is compared with what it is meant to say.
const weighted = { likelihoodWeighting: true, importanceWeighting: true };
const network = { nf: 128, chMult: [1, 2, 2, 2], attnResolutions: [16], dropout: 0.1, emaRate: 0.9999 };
const byNoise = {
  training: {
    ...{
      steps: 2400,
      batchSize: 16,
      checkpointEvery: 400,
      logEvery: 50,
      snapshotEvery: 800,
      histogramEvery: 400,
      snapshotRaw: false,
    },
    ...weighted,
  },
  model: { nf: 32, chMult: [1, 2, 2, 2], numResBlocks: 1, attnResolutions: [16], dropout: 0, emaRate: 0.99 },
  optim: { lr: 0.004, warmup: 100, schedule: "linear", decaySteps: 2400 },
  sampling: { numSamples: 36, rtol: 1e-3, atol: 1e-3, timeVariable: "sqrt" },
  eval: { numImages: 128, batchSize: 16, boundTimes: 32, rtol: 1e-4, atol: 1e-4, timeVariable: "sqrt", repeats: 1 },
  dequantizer: { steps: 1000, batchSize: 16, lr: 0.001, filters: 32, components: 8, blocks: 1, heads: 4 },
};
const velocity = { likelihoodWeighting: true, importanceWeighting: false, velocityTimes: true, stratifiedTimes: true };
const quick = {
  ...byNoise,
  training: { ...byNoise.training, ...velocity },
  model: { ...byNoise.model, prediction: "velocity" },
};
const optim = { lr: 2e-4, warmup: 5000, gradClip: 1, schedule: "linear", finalLr: 1e-5, decaySteps: 100_000 };
const paper = {
  training: { steps: 250_000, batchSize: 256, checkpointEvery: 5000, boundImages: 256, ...weighted },
  data: { randomFlip: false },
  model: { ...network, numResBlocks: 4 },
  optim,
  eval: { numImages: 10_000, batchSize: 256, boundTimes: 1000 },
};
const imagenet = {
  training: { steps: 500_000, batchSize: 256, checkpointEvery: 10_000, boundImages: 256, ...weighted },
  data: { randomFlip: false },
  model: { ...network, dropout: 0, numResBlocks: 4 },
  optim,
  eval: { numImages: 50_000, batchSize: 256, boundTimes: 1000, repeats: 1 },
  dequantizer: { filters: 128, components: 32, blocks: 8, heads: 4 },
};
const modern = {
  ...paper,
  training: { steps: 250_000, batchSize: 256, checkpointEvery: 5000, boundImages: 256, ...velocity },
  model: { ...network, numResBlocks: 4, prediction: "velocity" },
  engine: { precision: "auto" },
};
const released = {
  training: { steps: 1_300_001, batchSize: 128, checkpointEvery: 10_000, boundImages: 256, ...weighted },
  data: { randomFlip: true, uniformDequantization: false },
  model: { ...network, numResBlocks: 4 },
  optim: { lr: 2e-4, warmup: 5000, gradClip: 1, schedule: "constant" },
  eval: { numImages: 10_000, batchSize: 1024, boundTimes: 1000, repeats: 5 },
  dequantizer: { steps: 300_001, emaRate: 0.99, offset: true },
};
const plain = { data: { ...released.data, randomFlip: false } };
const unflipped = { data: { randomFlip: false } };
const levels28 = { chMult: [1, 2, 2], attnResolutions: [14] };

describe("the presets, field by field", () => {
  it("of CIFAR-10 are the paper's 250,000 steps of 256, and a quick one", () => {
    const paper_deep = { ...paper, model: { ...network, numResBlocks: 8 } };
    expect(cifar10Presets).toEqual({ quick, paper, paper_deep, modern, released });
  });

  it("of ImageNet 32 are the paper's 500,000 steps of 256 without dropout, and a quick one", () => {
    const paper_deep = { ...imagenet, model: { ...network, dropout: 0, numResBlocks: 8 } };
    const { training, model, data, eval: evaluation, dequantizer } = imagenet;
    expect(imagenet32Presets).toEqual({
      ...{ quick: { ...quick, ...unflipped }, paper: imagenet, paper_deep },
      modern: {
        ...{ data, optim, eval: evaluation, dequantizer, engine: { precision: "auto" } },
        training: { ...training, ...velocity },
        model: { ...model, prediction: "velocity" },
      },
      released: {
        ...{ ...released, ...plain, model, eval: { ...evaluation, batchSize: 1024 } },
        dequantizer: { ...released.dequantizer, ...dequantizer },
      },
    });
  });

  it("of any images are those of CIFAR-10, never mirrored", () => {
    const paper_deep = { ...paper, model: { ...network, numResBlocks: 8 } };
    expect(imagesPresets).toEqual({
      ...{ quick: { ...quick, ...unflipped }, paper, paper_deep, modern },
      released: { ...released, ...plain },
    });
  });

  it("of MNIST have three resolutions, attention at 14", () => {
    const deep = { ...network, numResBlocks: 8, ...levels28 };
    expect(mnistPresets).toEqual({
      quick: { ...byNoise, ...unflipped, model: { ...byNoise.model, ...levels28 } },
      paper: { ...paper, model: { ...paper.model, ...levels28 } },
      paper_deep: { ...paper, model: deep },
      modern: { ...modern, model: { ...modern.model, ...levels28 } },
      released: { ...released, ...plain, model: { ...released.model, ...levels28 } },
    });
  });

  it("of the Gaussian are its defaults", () => {
    expect(gaussian.presets).toEqual({ quick: {}, paper: {}, paper_deep: {} });
    expect(gaussian.defaults).toEqual({
      training: { ...weighted, batchSize: 512, steps: 5000, checkpointEvery: 1000 },
      model: { nf: 64, numResBlocks: 2, emaRate: 0.995 },
      optim: { lr: 0.003, warmup: 100, schedule: "linear", finalLr: 1e-5, decaySteps: 5000 },
      eval: { numImages: 4096, batchSize: 1024, boundTimes: 300, repeats: 1 },
    });
  });
});

describe("what holds before any preset", () => {
  it.each([
    ["vp", 1e-5, 1e-3],
    ["ve", 1e-5, 1e-3],
    ["subvp", 1e-2, 1e-2],
  ])("smallest times of %s: %f in training, %f in sampling", (sde, training, sampling) => {
    expect(smallestTimes(sde)).toEqual({ training, sampling });
  });

  it("is the released configuration of DDPM++, field by field", () => {
    expect(baseConfig).toEqual({
      seed: 42,
      sde: "vp",
      training: {
        ...{
          steps: 250_000,
          batchSize: 128,
          shards: 1,
          checkpointEvery: 10_000,
          keepCheckpoints: 3,
          keepEvery: 0,
          onDivergence: "stop",
          logEvery: 100,
        },
        ...{
          snapshotEvery: 10_000,
          boundImages: 16,
          snapshotRaw: true,
          snapshotNearest: 50_000,
          histogramEvery: 1000,
          noiseBins: 12,
          likelihoodWeighting: false,
          importanceWeighting: false,
        },
        ...{ velocityTimes: false, stratifiedTimes: false },
        ...{ continuous: true, reduceMean: true },
      },
      data: {
        testFraction: 0.05,
        uniformDequantization: true,
        randomFlip: true,
        centered: true,
      },
      model: {
        ...{ betaMin: 0.1, betaMax: 20, sigmaMin: 0.01, sigmaMax: 50, numScales: 1000 },
        ...{
          ...network,
          emaRates: [],
          inputFeatures: [],
          numResBlocks: 4,
          initScale: 0,
          skipRescale: true,
          resblockType: "biggan",
        },
        ...{ fir: false, firKernel: [1, 3, 3, 1], progressive: "none", progressiveInput: "none" },
        ...{ progressiveCombine: "sum", embeddingType: "positional", fourierScale: 16, scaleBySigma: false },
        ...{ resampWithConv: true, conditional: true, nonlinearity: "swish" },
      },
      optim: {
        ...{ lr: 2e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, warmup: 5000, gradClip: 1, weightDecay: 0 },
        ...{ schedule: "constant", finalLr: 1e-5, decaySteps: 100_000 },
      },
      sampling: {
        ...{
          numSamples: 64,
          rtol: 1e-5,
          atol: 1e-5,
          stepControl: "batch",
          timeVariable: "t",
          noiseRemoval: true,
          method: "ode",
        },
        ...{ predictor: "reverse_diffusion", corrector: "langevin", snr: 0.16, nStepsEach: 1, probabilityFlow: false },
      },
      eval: {
        ...{
          split: "test",
          numImages: 10_000,
          batchSize: 256,
          rtol: 1e-5,
          atol: 1e-5,
          stepControl: "batch",
          timeVariable: "t",
        },
        ...{
          hutchinson: "rademacher",
          boundForm: "dsm",
          boundTimes: 1000,
          boundOffset: true,
          repeats: 5,
          importanceSamples: 1,
          dequantization: "uniform",
          loss: true,
        },
        ...{ dequantizer: false, precision: "float32" },
      },
      dequantizer: {
        ...{ steps: 300_000, batchSize: 128, lr: 2e-4, filters: 96, components: 32, blocks: 2, heads: 4 },
        ...{ emaRate: 0.99, offset: true },
      },
      quality: { numSamples: 50_000, batchSize: 32 },
      engine: { compile: true, deterministic: true },
      exchange: {
        ...{ engine: "grpc", wire: "float32", deadlineSeconds: 60, mixed: "refuse", verifyEvery: 1000 },
        ...{ mode: "sync", every: 50, outerLr: 0.7, outerMomentum: 0.9, moments: "averaged" },
      },
    });
  });
});
