/**
 * The public interface for pipelines, and the only entry of the package for them.
 *
 * Pure numerics are in `scorestream/likelihood`, files of images in `scorestream/data`, programs in `scorestream/node`.
 * A name has the same meaning in all four. Inside the repository, `exports` of package.json maps the name `scorestream`
 * to this source file. Node, tsx, tsc and vitest therefore need no option, and Deno needs an entry in deno.json. The
 * built package has its own package.json, which names the built files.
 */

// Pipelines and runs
export { type Pipeline, type Presets, type RunContext, definePipeline } from "./run/pipeline.ts";
export { type Session, type SessionModel, type RunPhases, session } from "./run/session.ts";
export type { Config, DeepPartial } from "./run/config.ts";
export { networkOf } from "./run/network-from-config.ts";
export {
  sdeOf,
  weightingOf,
  evaluationNoise,
  evaluationSeed,
  trainingNoise,
  type ImageNoise,
  compiles,
} from "./run/from-config.ts";
export { type TrainingLoop, trainingLoop } from "./run/training-loop.ts";
export { type LoadModelOptions, type TrainedModel, type ModelCallOptions, loadModel } from "./run/load-model.ts";
export { type RunImages, type ImagePipeline, imagePipeline } from "./run/images/image-pipeline.ts";
export {
  type ImageMeasures,
  type ImageSampler,
  type Measures,
  imageMeasures,
  imageSampler,
} from "./run/images/method.ts";
export {
  type DequantizerTraining,
  type DequantizerLoop,
  dequantizerLoop,
  trainByBound,
} from "./run/images/dequantizer.ts";
export type { DequantizerSession } from "./run/dequantizer-session.ts";
export { cifar10Published, marked } from "./run/images/published.ts";
export { imagenet32Anchors, loadImageNet32 } from "./run/images/imagenet32.ts";
export { prepareCommand, preparedImages } from "./run/images/prepared.ts";
export {
  type Study,
  type StudyPipeline,
  type StudyPreset,
  type StudySettings,
  defineStudy,
} from "./run/study/study.ts";
export { modes, type Mode, presets, type Preset, type RunEvent, type Summary } from "./metrics/run-event.ts";
export { type Reading, type HistogramReading, Meter } from "./metrics/meter.ts";
/** Re-exports zod, for `fields` of a pipeline. */
export { z } from "zod";
export { UsageError, RunError, NonFiniteLossError } from "./base/errors.ts";

// Batches and data sets
export {
  type ColumnData,
  type BatchInfo,
  type Batch,
  type Column,
  createBatch,
  withColumns,
  withoutColumns,
  select,
  column,
  floats,
  bytes,
  toIPC,
  fromIPC,
} from "./data/batch.ts";
export {
  type LoadedImages,
  type ImagesInMemory,
  loadedImages,
  type ImageDataset,
  type ImageSplits,
  type OnProgress,
} from "./data/dataset.ts";
export { type Examples, type LoadedExamples, examplesOf, evaluationExamples } from "./data/examples.ts";
export { evaluationOrder } from "./data/evaluation-order.ts";
export { loadCifar10 } from "./data/cifar10/load.ts";
export { fetchMnist } from "./data/mnist/fetch.ts";
export { type GaussianChain, sampleChain, chainEntropy, chainBitsPerDim } from "./data/gaussian-chain.ts";

// Stages
export { accumulate } from "./streams/accumulate.ts";
export { type StepRecord, adam } from "./streams/adam.ts";
export { allReduce } from "./streams/all-reduce.ts";
export { type LocalStepsOptions, localSteps } from "./streams/local-steps.ts";
export { type LocalGroupOptions, LocalGroup } from "./training/local-group.ts";
export { type TrainBatchesOptions, trainBatches, type EvalBatchesOptions, evalBatches } from "./streams/batches.ts";
export { type BetweenStepsOptions, betweenSteps, type Look } from "./streams/between-steps.ts";
export { bitsPerDim, densityBitsPerDim } from "./streams/bits-per-dim.ts";
export { type Captured, captureState } from "./streams/capture-state.ts";
export { type CheckpointOptions, checkpoint } from "./streams/checkpoint.ts";
export { type CollectOptions, collect } from "./streams/collect.ts";
export { type Credit, credit, StarvedError, withCredit } from "./streams/credit.ts";
export { type DataLossOptions, dataLoss } from "./streams/data-loss.ts";
export { type DequantizationLossOptions, dequantizationLoss } from "./streams/dequantization-loss.ts";
export {
  type DensityKind,
  type DequantizationKind,
  type DequantizationNoise,
  type DequantizeOptions,
  type NoiseAt,
  dequantize,
  unitImage,
} from "./streams/dequantize.ts";
export { importanceWeighted } from "./streams/importance-weighted.ts";
export { type Averaged, ema } from "./streams/ema.ts";
export {
  type EvaluationKey,
  type EvaluationKind,
  type EvaluateOptions,
  evaluationName,
  evaluate,
} from "./streams/evaluate.ts";
export { type GoBackOptions, type StepsFrom, goBack } from "./streams/go-back.ts";
export { flip } from "./streams/flip.ts";
export { type NoiseOfRounds, type NoiseOfRoundsOptions, noiseOfRounds } from "./streams/noise-of-rounds.ts";
export { lossByNoise } from "./streams/loss-by-noise.ts";
export type { LossByNoiseOptions } from "./streams/curves-by-noise.ts";
export { type GradientHistogramsOptions, gradientHistograms } from "./streams/gradient-histograms.ts";
export { type Gradient, type GradientKind, gradientOf } from "./streams/gradient.ts";
export { type InceptionFeaturesOptions, inceptionFeatures } from "./streams/inception-features.ts";
export { type LikelihoodBoundOptions, likelihoodBound } from "./streams/likelihood-bound.ts";
export { type LogLikelihoodOptions, logLikelihood } from "./streams/log-likelihood.ts";
export { type NearestToOptions, nearestTo } from "./streams/nearest-to.ts";
export { type Misplaced } from "./streams/places.ts";
export { perturb } from "./streams/perturb.ts";
export { type PredictorCorrectorOptions, predictorCorrector } from "./streams/predictor-corrector.ts";
export { quantize } from "./streams/quantize.ts";
export { type RecordOptions, record } from "./streams/record.ts";
export { type SampleQualityOptions, sampleQuality } from "./streams/sample-quality.ts";
export { sumWindow } from "./streams/sum-window.ts";
export { type SampleTimeOptions, sampleTime } from "./streams/sample-time.ts";
export { type PriorBatchesOptions, priorBatches, type SampleOptions, sample } from "./streams/sample.ts";
export { saveExamples } from "./streams/save-examples.ts";
export { type ImageFiles, type SaveImagesOptions, GRID, saveImages } from "./streams/save-images.ts";
export { type Weighting, lossInputs, checkWeighting, densityOf, scoreMatching } from "./streams/score-matching.ts";
export { type Stage, stagesOf, unnamed } from "./streams/stage.ts";
export { type TellStagesOptions, tellStages } from "./streams/tell-stages.ts";

// SDEs
export type { SDE, ImportanceWeight } from "./sde/sde.ts";
export { type Prediction, predicting } from "./sde/prediction.ts";
export type { TimeDensity } from "./sde/draw-time.ts";
export { vpSDE } from "./sde/vp.ts";
export { subVpSDE } from "./sde/sub-vp.ts";
export { type VeOptions, veSDE } from "./sde/ve.ts";
export { linearVeSDE } from "./sde/linear-ve.ts";

// Networks
export type { ImageShape, ScoreModel } from "./models/score-model.ts";
export { type Context, type ParameterSpec, Scope } from "./models/scope.ts";
export { activate, attention, conv, denseLayer, norm, timestepEmbedding } from "./models/layers.ts";
export { type LossInputs, type ScoreNetworkOptions, type ScoreNetwork, scoreNetwork } from "./models/score-network.ts";
export { ncsnpp } from "./models/ncsnpp.ts";
export { type NcsnppConfig, checkConfig } from "./models/ncsnpp-config.ts";
export { type MlpConfig, mlp } from "./models/mlp.ts";

// Training and checkpoints
export { type Snapshot, TrainState } from "./training/train-state.ts";
export {
  type Turn,
  type StepSum,
  type ShardGradient,
  type Alone,
  type Group,
  type Peers,
  alone,
} from "./training/peers.ts";
export {
  type CheckpointKind,
  type LoadedCheckpoint,
  type CheckpointStoreOptions,
  CheckpointStore,
} from "./training/checkpoints/checkpoint-store.ts";

// Engine
export { type EngineOptions, type Engine, loadEngine } from "./engine/load.ts";
/** Re-exports tfjs and the types of its tensors, for networks and stages. */
export { tf } from "./engine/tf.ts";
export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs";
