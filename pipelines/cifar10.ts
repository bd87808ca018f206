/**
 * ScoreFlow on CIFAR-10: a DDPM++ score model trained with likelihood weighting and importance-sampled times, its exact
 * likelihood by the probability flow ODE, its variational bound, and samples.
 */
import { join } from "node:path";
import { identity, type Observable, pipe } from "rxjs";
import {
  accumulate,
  adam,
  allReduce,
  betweenSteps,
  bitsPerDim,
  captureState,
  checkpoint,
  cifar10Published,
  compiles,
  dataLoss,
  densityOf,
  dequantizationLoss,
  dequantize,
  dequantizerLoop,
  type DequantizerTraining,
  ema,
  evaluationNoise,
  evaluationSeed,
  flip,
  goBack,
  gradientHistograms,
  type ImageDataset,
  type ImagePipeline,
  imagePipeline,
  importanceWeighted,
  type ImageSampler,
  likelihoodBound,
  loadCifar10,
  logLikelihood,
  type Look,
  lossByNoise,
  marked,
  type Measures,
  Meter,
  ncsnpp,
  networkOf,
  perturb,
  predictorCorrector,
  quantize,
  record,
  type RunContext,
  type RunEvent,
  sample,
  sampleTime,
  scoreMatching,
  sdeOf,
  type Session,
  stagesOf,
  sumWindow,
  trainingLoop,
  trainingNoise,
  trainBatches,
  unnamed,
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
export function train(context: RunContext, session: Session, data: ImageDataset, look: Look): Observable<RunEvent> {
  const { config, signal, engine } = context;
  // Rounds of local steps are a loop of their own.
  if (config.exchange.mode === "local") {
    const { randomFlip } = config.data;
    const { seed } = config;
    const noise = trainingNoise(config);
    return trainingLoop(context, session, {
      data,
      column: "image",
      look,
      stages: (stage) =>
        pipe(
          randomFlip ? stage("flip", flip({ seed })) : identity,
          stage("dequantize", dequantize(noise.kind, { seed, ...noise })),
        ),
    });
  }
  const { sde, network, state, store, peers, tell } = session;
  const { training, model, optim, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps, checkpointEvery, logEvery, noiseBins: bins } = training;
  const { randomFlip } = config.data;
  const noise = trainingNoise(config);
  const weighting = weightingOf(config);
  const compile = compiles({ config, engine });
  const { onDivergence, largestLoss } = training;
  const batches = { batchSize, shards, seed, to: steps, signal, peers };
  const meter = new Meter();
  const stage = stagesOf(meter);

  // Named in this order, stages stand in it on the page.
  const perturbed = pipe(
    randomFlip ? stage("flip", flip<"image">({ seed })) : identity,
    stage("dequantize", dequantize<"image">(noise.kind, { seed, ...noise })),
    stage(
      "times",
      sampleTime<"data">(sde, { eps, density: densityOf(weighting), stratified: training.stratifiedTimes, seed }),
    ),
    stage("perturb", perturb<"data" | "t">(sde, { seed })),
  );
  const updates = pipe(
    stage("score", scoreMatching(network, sde, state, { weighting, seed, signal: peers.alone ? signal : undefined })),
    allReduce(peers),
    stage("accumulate", accumulate(shards), peers.alone ? shards : 1),
    lossByNoise(sde, { meter, bins, every: logEvery, weighting, eps, state }),
    gradientHistograms(network.layout, { meter, every: training.histogramEvery }),
    stage("adam", adam(state, { ...optim, compile, largestLoss })),
  );

  return withCredit(2 * shards, (credit) =>
    goBack(state, { onDivergence, credit, shards, tell }, (start) =>
      trainBatches(data, "image", { ...batches, ...start }).pipe(perturbed, updates),
    ).pipe(
      stage("ema", ema(state, { rate: model.emaRate, rates: model.emaRates, compile })),
      sumWindow(state, { steps, every: logEvery }),
      captureState(state, { every: [checkpointEvery, training.snapshotEvery] }),
      stage("checkpoint", checkpoint(state, store, { every: checkpointEvery, signal })),
      betweenSteps(look, {
        ...{ every: training.snapshotEvery, last: steps, meter, tell, signal },
        resume: { state, store },
      }),
      credit.refund(shards),
      record({ steps, every: logEvery, batchSize, meter, window: state.window }),
    ),
  );
}

/**
 * Held-out images, dequantized: their exact likelihood by the probability flow ODE and their variational bound, both in
 * bits/dim, and the loss of images as the training has them.
 *
 * @see Song et al. 2021, Sections 4.1 and 5.2, Theorem 3
 */
export const measures: Measures = ({ config, signal, stage = unnamed }, { sde, network, state, score }, draw) => {
  const { eval: evaluation, training } = config;
  const { boundTimes: times, boundOffset: offset, boundForm: form } = evaluation;
  const { centered } = config.data;
  const [seed, weighting, eps] = [evaluationSeed(config), weightingOf(config), training.smallestTime];
  const options = { ...evaluation, eps, seed, signal };
  const bytes = { levels: 256, centered };
  const [noise, trained] = [evaluationNoise(config, draw), trainingNoise(config)];
  // No dequantization bounds discrete data, as truncated noise would have to be cut at all times.
  const cells = noise.kind === "truncated" ? bytes : undefined;
  return {
    ...(training.continuous && {
      loss: pipe(
        stage("dequantize", dequantize<"image">(trained.kind, { seed, ...trained })),
        stage("loss", dataLoss(network, sde, state, { weighting, eps, seed })),
      ),
    }),
    likelihood: importanceWeighted<"image">(evaluation.importanceSamples, (sample) =>
      pipe(
        stage("dequantize", dequantize<"image">(noise.kind, { seed, ...noise, sample })),
        stage("likelihood", logLikelihood<"logQ">(score, sde, options)),
        bitsPerDim(bytes),
      ),
    ),
    bound: pipe(
      stage("dequantize", dequantize<"image">(cells ? "middle" : noise.kind, { seed, ...noise })),
      stage("bound", likelihoodBound<"logQ">(score, sde, { ...options, times, offset, form, cells })),
      bitsPerDim(bytes),
    ),
  };
};

/** Latents of the prior, taken to images by the probability flow ODE or by predictor and corrector. */
export const sampler: ImageSampler = ({ config, signal }, { sde, score }) => {
  const { method, nStepsEach: nSteps, smallestTime: eps, noiseRemoval: denoise, ...sampling } = config.sampling;
  const options = { ...sampling, eps, denoise, signal };
  return pipe(
    method === "ode"
      ? sample<"latent">(score, sde, options)
      : predictorCorrector<"latent">(score, sde, { ...options, nSteps, seed: evaluationSeed(config) }),
    quantize<"latent" | "data">({ centered: config.data.centered }),
  );
};

/**
 * The variational dequantizer, trained by its bound through the score model, which stays as it is; its gradients move it
 * as those above move the score model.
 *
 * @see Song et al. 2021, Section 5.2
 */
export const trainDequantizer: DequantizerTraining = (context, session, data, dequantizer) => {
  const { config } = context;
  const { sde, state: model } = session;
  const { centered, randomFlip } = config.data;
  const seed = evaluationSeed(config);
  const [score, eps, importance] = [model.average, config.training.smallestTime, sde.importance !== undefined];
  return dequantizerLoop(context, session, {
    ...{ data, dequantizer },
    stages: pipe(
      randomFlip ? flip<"image">({ seed }) : identity,
      dequantizationLoss(dequantizer.loss, sde, dequantizer.state, { score, eps, importance, centered, seed }),
    ),
  });
};

/** A DDPM++ network and the SDE, as the configuration says. */
export const model: ImagePipeline["model"] = ({ config }, shape) => ({
  network: ncsnpp(networkOf(config, shape)),
  sde: sdeOf(config),
});

/** The whole method, for images of any kind. */
export const scoreFlow = { model, train, measures, sampler, trainDequantizer };

export default imagePipeline({
  summary: "DDPM++ on CIFAR-10 by maximum likelihood: bits/dim, bound, samples",
  reaches:
    "quick: 3.68 bits/dim on 128 test images, about 10 minutes on 2 CPU cores. paper: 2.83 bits/dim in the paper; days on a GPU.",
  imageSize: 32,
  presets: cifar10Presets,
  ...scoreFlow,
  load: ({ config: { data }, cacheDir, signal }, onProgress) =>
    loadCifar10({ path: data.path, cacheDir: join(cacheDir, "data"), onProgress, signal }),
  dequantizer: () => "cifar10",
  anchors: (config) => marked(cifar10Published, config),
});
