/**
 * ScoreFlow on ImageNet 32x32, the old or the new one, as `data.version` says: a DDPM++ score model trained with
 * likelihood weighting and importance-sampled times, its exact likelihood by the probability flow ODE, its variational
 * bound, and samples. Its stages are those of CIFAR-10.
 */
import { imagenet32Anchors, imagePipeline, loadImageNet32 } from "scorestream";
import { imagenet32Presets } from "./presets/imagenet32.ts";
import { scoreFlow } from "./cifar10.ts";

export default imagePipeline({
  summary: "DDPM++ on ImageNet 32x32, old or new, by maximum likelihood: bits/dim, bound, samples",
  reaches:
    "Needs --set data.version=old|new, and data.path, a folder that npm run data -- prepare wrote.\n" +
    "paper: 3.76 bits/dim on the old version in the paper; a week on several GPUs.",
  imageSize: 32,
  presets: imagenet32Presets,
  ...scoreFlow,
  load: loadImageNet32,
  dequantizer: () => "imagenet32",
  anchors: imagenet32Anchors,
});
