/** A study of two axes, small enough to see through. */
import type { Study, StudyPreset } from "../../../src/run/study/study.ts";
import { gridOf, studyCells, type CellPlan } from "../../../src/run/study/grid.ts";
import { parseAxis } from "../../../src/run/sweep/axes.ts";
import type { CellResult } from "../../../src/run/sweep/run-cells.ts";
import type { Summary } from "../../../src/run/pipeline.ts";

export const preset: StudyPreset = {
  ...{ reaches: "no time", preset: "quick", looks: 2, lossDraws: 8 },
  grid: { sde: ["vp", "subvp"], method: ["original", "likelihood"], deq: ["uniform", "variational"], seed: ["1", "2", "3"] }, // prettier-ignore
  settings: { "training.steps": 10 },
  valueSettings: { "sde=subvp": { "model.nf": 8 } },
  lookSettings: { "eval.numImages": 4 },
};

export const study: Study = {
  ...{ title: "A small study", source: "a paper <1>", pipeline: "count" },
  axes: {
    sde: {
      vp: { label: "VP", settings: { sde: "vp" }, published: { sde: "vp" } },
      subvp: { label: "subVP", settings: { sde: "subvp" }, published: { sde: "subvp" } },
    },
    method: {
      original: { label: "original", settings: { "data.randomFlip": false }, published: { weighting: "original" } },
      likelihood: { label: "LW", settings: { "training.likelihoodWeighting": true } },
    },
  },
  evaluated: {
    axis: "deq",
    values: {
      uniform: { label: "uniform", runs: [], published: { dequantization: "uniform" } },
      variational: {
        label: "variational",
        runs: [{ mode: "train_deq" }, { mode: "eval", settings: { "eval.dequantizer": true } }],
      },
    },
  },
  claims: [
    { says: "LW improves", axis: "method", better: "likelihood", worse: "original" },
    { says: "IS lowers the variance", lossVariance: true },
    { says: "subVP beats VP", axis: "sde", better: "subvp", worse: "vp" },
  ],
  published: [
    { name: "A", bpd: 3.16, settings: { sde: "vp", weighting: "original", dequantization: "uniform" }, source: "B" },
    { name: "open", bpd: 2, settings: { sde: "subvp", weighting: "original" }, source: "C" },
  ],
  presets: { tiny: preset },
  images: () => Promise.reject(new Error("no images")),
};

/** The plan of the preset, with other values of some axes. */
export function planOf(...axes: string[]): CellPlan {
  return { study, preset, grid: gridOf(study, preset, axes.map(parseAxis)), given: [], steps: 10 };
}

/** Results in which every run has ended well; the last of each evaluation has the bits that `bitsOf` says. */
export function resultsOf(
  plan: CellPlan,
  bitsOf: (values: Readonly<Record<string, string>>, deq: "uniform" | "variational") => number,
): CellResult[] {
  return studyCells(plan.study, plan.grid).map((cell): CellResult => {
    const bits = (deq: "uniform" | "variational"): Partial<Summary> => ({
      bpd: bitsOf(cell.values, deq),
      bound: bitsOf(cell.values, deq) + 1,
    });
    return { cell, exitCode: 0, runs: [{ bpd: 9, bound: 10 }, bits("uniform"), {}, bits("variational")] };
  });
}
