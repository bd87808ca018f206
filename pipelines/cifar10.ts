/**
 * ScoreFlow on CIFAR-10: a DDPM++ score model trained with likelihood weighting and importance-sampled times, its exact
 * likelihood by the probability flow ODE, its variational bound, and samples.
 */
import { join } from "node:path";
import { identity, type Observable } from "rxjs";
import {
  accumulate,
  adam,
  allReduce,
  betweenSteps,
  captureState,
  checkpoint,
  cifar10Published,
  densityOf,
  dequantize,
  ema,
  flip,
  gradientHistograms,
  type ImageDataset,
  type ImagePipeline,
  imagePipeline,
  images,
  loadCifar10,
  type Look,
  marked,
  Meter,
  ncsnpp,
  networkOf,
  perturb,
  record,
  type RunContext,
  type RunEvent,
  sampleTime,
  scoreMatching,
  sdeOf,
  type Session,
  stagesOf,
  trainBatches,
  weightingOf,
  withCredit,
} from "scorestream";
import { cifar10Presets } from "./presets/cifar10.ts";

/**
 * Images, dequantized, perturbed at times drawn for the likelihood weighting; the score matching loss and its gradient;
 * Adam and the average of the parameters.
 *
 * @see Song et al. 2021, Sections 4 and 5
 */
export function train(context: RunContext, own: Session, data: ImageDataset, look: Look): Observable<RunEvent> {
  const { config, stop, engine } = context;
  const { sde, network, state, store, peers, tell } = own;
  const { training, model, optim, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps, checkpointEvery, logEvery } = training;
  const { centered, randomFlip, uniformDequantization } = config.data;
  const weighting = weightingOf(config);
  const compile = config.engine.compile && engine.native;
  const batches = { batchSize, shards, seed, from: state.step, to: steps, stop, peers };
  const meter = new Meter();
  const stage = stagesOf(meter);

  return withCredit(2 * shards, (credit) =>
    trainBatches(images(data), "image", { ...batches, credit })
      .pipe(
        randomFlip ? stage("flip", flip({ seed })) : identity,
        stage("dequantize", dequantize(uniformDequantization ? "uniform" : "none", { seed, centered })),
        stage(
          "times",
          sampleTime(sde, { eps, density: densityOf(weighting), stratified: training.stratifiedTimes, seed }),
        ),
        stage("perturb", perturb(sde, { seed })),
      )
      .pipe(
        stage("score", scoreMatching(network, sde, state, { weighting, seed, stop: peers.alone ? stop : undefined })),
        allReduce(peers),
        stage("accumulate", accumulate(shards), peers.alone ? shards : 1),
        gradientHistograms(network.layout, { meter, every: training.histogramEvery }),
      )
      .pipe(
        stage("adam", adam(state, { ...optim, compile })),
        stage("ema", ema(state, { rate: model.emaRate, compile })),
        captureState(state, { every: [checkpointEvery, training.snapshotEvery] }),
        stage("checkpoint", checkpoint(state, store, { every: checkpointEvery, stop })),
        betweenSteps(look, { every: training.snapshotEvery, last: steps, meter, tell, stop }),
        credit.refund(shards),
        record({ steps, every: logEvery, batchSize, meter }),
      ),
  );
}

/** A DDPM++ network and the SDE, as the configuration says. */
export const model: ImagePipeline["model"] = ({ config }, shape) => ({
  network: ncsnpp(networkOf(config, shape)),
  sde: sdeOf(config),
});

export default imagePipeline({
  summary: "DDPM++ on CIFAR-10 by maximum likelihood: bits/dim, bound, samples",
  reaches:
    "quick: 3.68 bits/dim on 128 test images, about 10 minutes on 2 CPU cores. paper: 2.83 bits/dim in the paper; days on a GPU.",
  imageSize: 32,
  presets: cifar10Presets,
  model,
  train,
  load: ({ config: { data }, cacheDir }, onProgress) =>
    loadCifar10({ path: data.path, cacheDir: join(cacheDir, "data"), onProgress }),
  dequantizer: () => "cifar10",
  anchors: (config) => marked(cifar10Published, config),
});
