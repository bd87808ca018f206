/** Sizes of the study of Table 2. */
import type { Study, StudySettings } from "scorestream";

const whole = {
  sde: ["vp", "subvp"],
  network: ["baseline", "deep"],
  method: ["original", "likelihood", "importance", "flip"],
  dequantization: ["uniform", "variational"],
  seed: ["1", "2", "3"],
};

/** A network and evaluations as small as they get: they show that every part works, not what the paper found. */
const tinySettings: StudySettings = {
  "training.steps": 40,
  "training.batchSize": 8,
  "training.checkpointEvery": 20,
  "training.snapshotEvery": 0,
  "training.histogramEvery": 0,
  "training.logEvery": 10,
  "model.nf": 8,
  "model.chMult": "1,1",
  "model.attnResolutions": "[]",
  "model.emaRate": 0.9,
  "optim.warmup": 10,
  "optim.decaySteps": 40,
  "eval.numImages": 8,
  "eval.boundTimes": 4,
  "eval.rtol": 0.1,
  "eval.atol": 0.1,
  "eval.loss": false,
  "eval.batchSize": 8,
  "sampling.numSamples": 4,
  "sampling.rtol": 0.1,
  "sampling.atol": 0.1,
  "dequantizer.steps": 10,
  "dequantizer.batchSize": 4,
  "dequantizer.filters": 8,
  "dequantizer.components": 2,
  "dequantizer.heads": 1,
  "engine.threads": 1,
};

export const table2Presets: Study["presets"] = {
  tiny: {
    reaches: "minutes on 2 CPU cores; a reduced grid of a network that learns next to nothing",
    preset: "quick",
    grid: {
      ...{ sde: ["vp", "subvp"], network: ["baseline"], method: ["likelihood", "importance"] },
      ...{ dequantization: ["uniform", "variational"], seed: ["1", "2"] },
    },
    settings: tinySettings,
    valueSettings: { "network=baseline": { "model.numResBlocks": 1 }, "network=deep": { "model.numResBlocks": 2 } },
    looks: 2,
    lossDraws: 128,
  },
  quick: {
    reaches: "the whole grid of a small network over 3 seeds; many hours on 2 CPU cores",
    preset: "quick",
    grid: whole,
    settings: {
      "training.steps": 1200,
      "training.snapshotEvery": 0,
      "optim.decaySteps": 1200,
      "eval.loss": false,
      "sampling.numSamples": 16,
      "dequantizer.steps": 500,
      "engine.threads": 1,
    },
    valueSettings: { "network=baseline": { "model.numResBlocks": 1 }, "network=deep": { "model.numResBlocks": 2 } },
    looks: 3,
    lookSettings: { "eval.numImages": 64 },
    lossDraws: 2048,
  },
  paper: {
    reaches: "the paper's networks and steps over 3 seeds; about half a year of an H100, estimated before it starts",
    preset: "paper",
    grid: whole,
    settings: {},
    valueSettings: { "network=baseline": { "model.numResBlocks": 4 }, "network=deep": { "model.numResBlocks": 8 } },
    looks: 5,
    lookSettings: { "eval.numImages": 1000, "eval.repeats": 1 },
    lossDraws: 10_000,
  },
};
