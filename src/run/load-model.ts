/** Loads a trained model as an object, without the command line. */
import { concatMap, type Observable, type OperatorFunction } from "rxjs";
import { UsageError } from "../base/errors.ts";
import { floats, type Batch, type ColumnData } from "../data/batch.ts";
import { loadEngine } from "../engine/load.ts";
import { ncsnpp } from "../models/ncsnpp.ts";
import { imageShapeOf } from "../models/score-model.ts";
import { scoreNetwork } from "../models/score-network.ts";
import { odeEncode } from "../sampling/ode-sampler.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import { examplesOf } from "../data/examples.ts";
import { evalBatches } from "../streams/batches.ts";
import { priorBatches, sample } from "../streams/sample.ts";
import { readAnyCheckpoint } from "../training/checkpoints/checkpoint-formats.ts";
import { namedCheckpoint } from "../training/checkpoints/best-checkpoint.ts";
import { CheckpointStore } from "../training/checkpoints/checkpoint-store.ts";
import { shapeInCheckpoint } from "../training/checkpoints/stored-shape.ts";
import { TrainState } from "../training/train-state.ts";
import { configOfRun, requireTrainedWith } from "./checkpoint-config.ts";
import { configSchema, type Config } from "./config.ts";
import { compiles, evaluatedRate, evaluationSeed, sdeOf } from "./from-config.ts";
import { samplerOf } from "./images/method.ts";
import { joinedValues, modelExamples } from "./model-examples.ts";
import { networkOf } from "./network-from-config.ts";
import { ownPart } from "./own-fields.ts";
import type { StoredConfig } from "./pipeline.ts";
import { precisionsOf } from "./precision.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { SessionModel } from "./session.ts";

/** Options of {@link loadModel}. */
export interface LoadModelOptions {
  /** Network and SDE for examples of a shape; default: the NCSN++ and the SDE of the run's configuration. */
  readonly model?: (config: Config, shape: readonly number[]) => SessionModel;
  /** Shape of an example; default: the one in the checkpoint. */
  readonly shape?: readonly number[];
  /**
   * A checkpoint file of any format, or "best" for the one with the smallest held-out bound; default: the newest
   * undamaged one of the run.
   */
  readonly checkpoint?: string;
  /** Decay of the average to compute with; default: the run's `eval.emaRate`. */
  readonly emaRate?: number;
  /** CPU threads; default: as in the run. The first call in a process decides. */
  readonly threads?: number;
}

/** Options for calls of a loaded model. */
export interface ModelCallOptions {
  /** Examples computed at once; default: the run's `eval.batchSize`. */
  readonly batchSize?: number;
  /** Seed of all random numbers; default: the seed of the run's evaluation. */
  readonly seed?: number;
  /** Once aborted, the call fails with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A trained model. Its examples are images: bytes in 0..255 as Uint8Array [N, H, W, C]. If its shape is not that of
 * images, they are vectors: Float32Array [N, ...shape]. It uses the averaged parameters and the run's settings. Calls
 * leave no tensors behind.
 */
export interface TrainedModel<A extends ColumnData = Uint8Array> {
  readonly config: Config;
  /** Number of training steps. */
  readonly step: number;
  /** Shape of an example. */
  readonly shape: readonly number[];
  /** The score of the model, for the functions of `scorestream/likelihood`. */
  readonly score: ScoreFunction;
  /**
   * Computes bits per dimension by the probability flow ODE, [N]. For images, dequantized uniformly, the results are
   * those of the first pass of `--mode eval`. For vectors, they are -log2 p / D.
   */
  bitsPerDim(examples: A, options?: ModelCallOptions): Promise<Float32Array>;
  /** Draws `n` examples, like `--mode sample`. */
  sample(n: number, options?: ModelCallOptions): Promise<A>;
  /**
   * Maps examples to the latents of the probability flow, [N, ...shape], near N(0, priorStd^2). Images are dequantized
   * uniformly.
   */
  encode(examples: A, options?: ModelCallOptions): Promise<Float32Array>;
  /**
   * Maps latents [N, ...shape] to examples by the probability flow, the inverse of `encode`. Images are converted to
   * bytes.
   */
  decode(latents: Float32Array, options?: ModelCallOptions): Promise<A>;
  /** Frees the parameters and graphs. */
  dispose(): void;
}

/**
 * Returns the settings of a run; fields that an older version lacked have their defaults.
 *
 * @throws UsageError when there is no run.
 */
function settingsIn(workdir: string, stored: StoredConfig | undefined): Config {
  if (!stored) throw new UsageError(`${workdir} holds no run: it has no config.json`, "give the --workdir of a run");
  const own = ownPart(stored);
  const common = Object.entries(stored).filter(([name]) => name in configSchema.shape);
  return { ...resolveConfig({ settings: [Object.fromEntries(common)], assignments: [] }).config, ...own };
}

const NEVER = new AbortController().signal;

/**
 * Loads the trained model from the folder of a run.
 *
 * ```ts
 * const model = await loadModel("runs/cifar10");
 * const bits = await model.bitsPerDim(images);
 * const pictures = await model.sample(16);
 * model.dispose();
 * ```
 *
 * @throws UsageError when there is no run or no checkpoint in the folder, or the checkpoint belongs to another model.
 */
export async function loadModel<A extends ColumnData = Uint8Array>(
  workdir: string,
  options: LoadModelOptions = {},
): Promise<TrainedModel<A>> {
  const stored = await configOfRun(workdir);
  const config = settingsIn(workdir, stored);
  const { threads, precision, deterministic } = config.engine;
  const engine = await loadEngine({ threads: options.threads ?? threads, precision, deterministic });
  const checkpoint = options.checkpoint === undefined ? undefined : namedCheckpoint(workdir, options.checkpoint);
  const { shape = await shapeInCheckpoint(workdir, checkpoint) } = options;
  const build: NonNullable<LoadModelOptions["model"]> =
    options.model ?? (() => ({ network: ncsnpp(networkOf(config, imageShapeOf({ shape }))) }));
  const { network: model, sde = sdeOf(config) } = build(config, shape);
  const compile = compiles({ config, engine });
  const { reduceMean } = config.training;
  const network = scoreNetwork(model, { reduceMean, compile, precision: precisionsOf(config) });
  const { layout } = network;
  const store = new CheckpointStore({ workdir, layout, config: {}, keep: 1 });
  const warn = (damage: string) => process.emitWarning(`${damage}: using the previous one`);
  const snapshot = checkpoint === undefined ? store.load(warn)?.snapshot : readAnyCheckpoint(checkpoint, layout);
  if (!snapshot) throw new UsageError(`${workdir} has no checkpoint`, "train first, or give { checkpoint }");
  requireTrainedWith(workdir, stored, store.loaded);
  const state = new TrainState(layout, snapshot);
  state.evaluate(options.emaRate ?? evaluatedRate(config));
  const score = network.scoreFunction(state.average, sde);
  const { none, data, bits, examples: toExamples } = modelExamples<A>(shape, config.data.centered);

  const settings = ({ batchSize = config.eval.batchSize, seed = evaluationSeed(config), signal }: ModelCallOptions) => {
    const { rtol, atol, stepControl, timeVariable, hutchinson } = config.eval;
    const solver = { rtol, atol, stepControl, timeVariable };
    return { batchSize, seed, signal, ...solver, hutchinson, eps: config.training.smallestTime };
  };
  const decoded = (latents: Observable<Batch<"latent">>, draw: OperatorFunction<Batch<"latent">, Batch<"data">>) =>
    joinedValues(latents.pipe(draw, toExamples), none);

  return {
    ...{ config, step: state.step, shape, score },
    async bitsPerDim(examples, given = {}) {
      return joinedValues(bits(examples, score, sde, settings(given)), new Float32Array());
    },
    async sample(n, given = {}) {
      const { batchSize, seed, signal = NEVER } = settings(given);
      const sampler = samplerOf({ config, signal }, { sde, score }, seed);
      return decoded(priorBatches(sde, shape, { total: n, batchSize, seed }), sampler);
    },
    async encode(examples, given = {}) {
      const own = settings(given);
      const encode = concatMap((batch: Batch<"data">) => odeEncode(score, sde, floats(batch, "data").data, own));
      return joinedValues(data(examples, own).pipe(encode), new Float32Array());
    },
    async decode(latents, given = {}) {
      const { batchSize, ...own } = settings(given);
      const batches = evalBatches(examplesOf(latents, shape), "latent", { batchSize });
      return decoded(batches, sample(score, sde, { ...own, denoise: false }));
    },
    dispose() {
      state.dispose();
      network.dispose();
    },
  };
}
