/** A stage of one's own: shifts images around by a few pixels. `npm run pipeline ./examples/own-stage.ts` */
import { join } from "node:path";
import { map, type OperatorFunction, pipe } from "rxjs";
import {
  type Batch,
  bytes,
  dequantize,
  imagePipeline,
  loadCifar10,
  ncsnpp,
  networkOf,
  sdeOf,
  trainingLoop,
  withColumns,
} from "scorestream";

/** Rolls each image sideways by its place in the run, at most `most` pixels: (seed, sample) fixes how far. */
function roll<C extends string>(most: number): OperatorFunction<Batch<C | "image">, Batch<NoInfer<C> | "image">> {
  return map((batch) => {
    const { data, shape } = bytes(batch, "image");
    const [H, W, C] = shape as [number, number, number];
    const rolled = new Uint8Array(data.length);
    for (let row = 0; row < batch.size * H; row++) {
      const sample = batch.info.firstSample + Math.floor(row / H);
      const shift = (sample % (2 * most + 1)) - most;
      for (let x = 0; x < W; x++) {
        const from = (row * W + ((x + shift + W) % W)) * C;
        rolled.set(data.subarray(from, from + C), (row * W + x) * C);
      }
    }
    return withColumns(batch, { image: { data: rolled, shape } });
  });
}

export default imagePipeline({
  summary: "CIFAR-10 with images that are rolled sideways",
  reaches: "Nothing: it shows where a stage goes.",
  imageSize: 32,
  presets: { quick: { training: { steps: 2400, batchSize: 16 }, model: { nf: 32, numResBlocks: 1 } } },
  load: ({ config, cacheDir, signal }, onProgress) =>
    loadCifar10({ path: config.data.path, cacheDir: join(cacheDir, "data"), onProgress, signal }),
  model: ({ config }, shape) => ({ network: ncsnpp(networkOf(config, shape)), sde: sdeOf(config) }),
  train(context, session, data, look) {
    const { seed, data: options } = context.config;
    return trainingLoop(context, session, {
      data,
      column: "image",
      look,
      stages: (stage) =>
        pipe(
          stage("roll", roll<"image">(2)),
          stage("dequantize", dequantize<"image">("uniform", { seed, centered: options.centered })),
        ),
    });
  },
});
