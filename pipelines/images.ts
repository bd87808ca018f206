/**
 * ScoreFlow on any images that `npm run data -- prepare` made, of any size, grey or coloured: a DDPM++ score model
 * trained with likelihood weighting and importance-sampled times, its exact likelihood by the probability flow ODE, its
 * variational bound, and samples. Its stages are those of CIFAR-10.
 */
import { imagePipeline, prepareCommand, preparedImages, UsageError } from "scorestream";
import { imagesPresets } from "./presets/images.ts";
import { scoreFlow } from "./cifar10.ts";

export default imagePipeline({
  summary: "DDPM++ on any prepared images, SVHN, CelebA, LSUN and your own among them",
  reaches: "Needs --set data.path=DIR, a folder that npm run data -- prepare wrote; npm run data lists the formats.",
  presets: imagesPresets,
  ...scoreFlow,
  async load(context, onProgress) {
    const { data } = context.config;
    if (data.path !== undefined) return preparedImages(data.path, context, onProgress);
    throw new UsageError("data.path: no images were given", prepareCommand("PHOTOS", "folder --size 32", "photos"));
  },
});
