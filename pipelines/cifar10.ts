/**
 * ScoreFlow on CIFAR-10: a DDPM++ score model trained with likelihood weighting and importance-sampled times, its exact
 * likelihood by the probability flow ODE, its variational bound, and samples.
 */
import { join } from "node:path";
import { identity } from "rxjs";
import { networkOf, weightingOf } from "../src/cli/from-config.ts";
import { imageDequantizer } from "../src/cli/images/dequantizer.ts";
import { imageEvaluation } from "../src/cli/images/evaluate.ts";
import { sampleImages, samplesPath } from "../src/cli/images/sample.ts";
import { definePipeline, type RunContext } from "../src/cli/pipeline.ts";
import { cifar10Presets } from "../src/cli/presets.ts";
import { session } from "../src/cli/session.ts";
import { withData } from "../src/cli/with-data.ts";
import { loadCifar10 } from "../src/data/cifar10/load.ts";
import { ncsnpp } from "../src/models/ncsnpp.ts";
import { accumulate } from "../src/streams/accumulate.ts";
import { adam } from "../src/streams/adam.ts";
import { checkpoint } from "../src/streams/checkpoint.ts";
import { withCredit } from "../src/streams/credit.ts";
import { dequantize } from "../src/streams/dequantize.ts";
import { ema } from "../src/streams/ema.ts";
import { flip } from "../src/streams/flip.ts";
import { images, trainBatches } from "../src/streams/image-batches.ts";
import { perturb } from "../src/streams/perturb.ts";
import { record } from "../src/streams/record.ts";
import { sampleTime } from "../src/streams/sample-time.ts";
import { scoreMatching } from "../src/streams/score-matching.ts";

/** Published bits/dim on the test set: Song et al. 2021, Kingma et al. 2021, and lossless codecs. */
const anchors = [
  { name: "ScoreFlow (Song et al. 2021)", bpd: 2.83 },
  { name: "VDM (Kingma et al. 2021)", bpd: 2.65 },
  { name: "FLIF", bpd: 4.19 },
  { name: "JPEG 2000", bpd: 5.2 },
  { name: "PNG", bpd: 5.89 },
];

function run(context: RunContext) {
  const { config, stop, cacheDir, engine } = context;
  const { training, data, model, optim, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps, checkpointEvery, logEvery } = training;
  const { path, centered, randomFlip, uniformDequantization } = data;
  const weighting = weightingOf(config);
  const compile = config.engine.compile && engine.native;

  return withData(
    (onProgress) => loadCifar10({ path, cacheDir: join(cacheDir, "data"), onProgress }),
    (cifar10) =>
      session(context, ncsnpp(networkOf(config, 32, 3)), (own) => {
        const { sde, network, state, store } = own;
        const evaluation = imageEvaluation(context, own, cifar10.test, anchors);
        const dequantizer = imageDequantizer(context, own, cifar10.train, "cifar10");
        const batches = { batchSize, shards, seed, from: state.step, to: steps, stop };

        return {
          train: () =>
            withCredit(2 * shards, (credit) =>
              trainBatches(images(cifar10.train), "image", { ...batches, credit })
                .pipe(
                  randomFlip ? flip({ seed }) : identity,
                  dequantize(uniformDequantization ? "uniform" : "none", { seed, centered }),
                  sampleTime(sde, { eps, importance: weighting === "importance", seed }),
                  perturb(sde, { seed }),
                )
                .pipe(
                  scoreMatching(network, sde, state, { weighting, seed }),
                  accumulate(shards),
                  adam(state, { ...optim, compile }),
                  ema(state, { rate: model.emaRate, compile }),
                  checkpoint(state, store, { every: checkpointEvery, stop }),
                  credit.refund(shards),
                  record({ steps, every: logEvery, batchSize }),
                ),
            ),
          evaluate: () => (config.eval.dequantizer ? dequantizer.with(evaluation.test) : evaluation.test()),
          sample: () => sampleImages(context, own),
          report: () => evaluation.report(samplesPath(context, own)),
          trainDequantizer: () => dequantizer.train(evaluation.bound),
        };
      }),
  );
}

export default definePipeline({
  summary: "DDPM++ on CIFAR-10 by maximum likelihood: bits/dim, bound, samples",
  reaches:
    "quick: 3.68 bits/dim on 128 test images, about 10 minutes on 2 CPU cores. paper: 2.83 bits/dim in the paper; days on a GPU.",
  imageSize: 32,
  defaults: {},
  presets: cifar10Presets,
  run,
});
