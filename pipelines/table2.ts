/**
 * Table 2 of the paper: what likelihood weighting, importance sampling, variational dequantization, the SDE and the
 * depth of the network do to the bits/dim of CIFAR-10, over several seeds.
 */
import { join } from "node:path";
import { cifar10Published, defineStudy, loadCifar10 } from "scorestream";
import { table2Presets } from "./presets/table2.ts";

/** The paper predicts the noise and draws times independently, whatever the presets of cifar10 do. */
const paper = { "model.prediction": "noise", "training.velocityTimes": false, "training.stratifiedTimes": false };
const weighted = { ...paper, "training.likelihoodWeighting": true, "data.randomFlip": false };

export default defineStudy({
  summary: "Table 2 of the paper: its grid of methods on CIFAR-10 over several seeds, and which claims hold",
  reaches:
    "A table beside the paper's rows, figures, and a verdict on each claim. npm run pipeline table2 -- --preset tiny takes minutes.\n" +
    "Its axes for --sweep: sde, network, method, dequantization, seed. --set changes a field of all runs.",
  study: {
    title: "Table 2: what improves bits/dim on CIFAR-10",
    source: "Song, Durkan, Murray, Ermon 2021, Maximum Likelihood Training of Score-Based Diffusion Models, arXiv 2101.09258, Table 2 and Figure 1", // prettier-ignore
    pipeline: "cifar10",
    axes: {
      sde: {
        vp: { label: "VP", settings: { sde: "vp" }, published: { sde: "vp" } },
        subvp: { label: "subVP", settings: { sde: "subvp" }, published: { sde: "subvp" } },
      },
      network: {
        baseline: { label: "baseline", published: { network: "DDPM++" } },
        deep: { label: "deep", published: { network: "DDPM++ deep" } },
      },
      method: {
        original: {
          label: "original",
          settings: {
            ...weighted,
            "training.likelihoodWeighting": false,
            "training.importanceWeighting": false,
          },
          published: { weighting: "original" },
        },
        likelihood: {
          label: "LW",
          settings: { ...weighted, "training.importanceWeighting": false },
          published: { weighting: "likelihood" },
        },
        importance: {
          label: "LW + IS",
          settings: { ...weighted, "training.importanceWeighting": true },
          published: { weighting: "importance" },
        },
        flip: {
          label: "LW + IS + flip",
          settings: { ...weighted, "training.importanceWeighting": true, "data.randomFlip": true },
        },
      },
    },
    evaluated: {
      axis: "dequantization",
      values: {
        uniform: { label: "uniform", runs: [], published: { dequantization: "uniform" } },
        variational: {
          label: "variational",
          runs: [{ mode: "train_deq" }, { mode: "eval", settings: { "eval.dequantizer": true } }],
          published: { dequantization: "variational" },
        },
      },
    },
    claims: [
      { says: "likelihood weighting improves bits/dim", axis: "method", better: "likelihood", worse: "original" },
      { says: "importance sampling lowers the variance of the loss", lossVariance: true },
      { says: "importance sampling improves bits/dim", axis: "method", better: "importance", worse: "likelihood" },
      {
        says: "variational dequantization improves bits/dim",
        ...{ axis: "dequantization", better: "variational", worse: "uniform" },
      },
      { says: "subVP has better bits/dim than VP", axis: "sde", better: "subvp", worse: "vp" },
      { says: "deep has better bits/dim than baseline", axis: "network", better: "deep", worse: "baseline" },
    ],
    published: cifar10Published,
    presets: table2Presets,
    images: async ({ data }, cacheDir, onProgress) =>
      (await loadCifar10({ path: data.path, cacheDir: join(cacheDir, "data"), onProgress })).test,
  },
});
