/**
 * ScoreFlow on MNIST, 28x28 as published: a DDPM++ score model trained with likelihood weighting and importance-sampled
 * times, its exact likelihood by the probability flow ODE, its variational bound, and samples. Its stages are
 * those of CIFAR-10.
 */
import { join } from "node:path";
import { fetchMnist, imagePipeline, preparedImages } from "scorestream";
import { mnistPresets } from "./presets/images.ts";
import { scoreFlow } from "./cifar10.ts";

export default imagePipeline({
  summary: "DDPM++ on MNIST by maximum likelihood: bits/dim, bound, samples",
  reaches:
    "quick: minutes on 2 CPU cores. The data are fetched; Fashion-MNIST is in the same files, but has to be prepared:\n" +
    "npm run data -- prepare --format mnist --from DOWNLOADS --out data/fashion, then --set data.path=data/fashion.",
  presets: mnistPresets,
  ...scoreFlow,
  async load(context, onProgress) {
    const { cacheDir, config, signal } = context;
    const path = config.data.path ?? (await fetchMnist(join(cacheDir, "data"), onProgress, { signal }));
    return preparedImages(path, context, onProgress, "mnist");
  },
});
