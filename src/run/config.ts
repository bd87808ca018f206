/** The configuration of a run: one strict schema, whose descriptions are also the text of `--help`. */
import * as z from "zod";
import { predictions } from "../sde/prediction.ts";
import { sdeNames } from "../sde/sdes.ts";

const flag = (description: string) => z.boolean().describe(description);
const whole = (min: number, max: number, description: string) => z.int().min(min).max(max).describe(description);
const real = (min: number, max: number, description: string) => z.number().min(min).max(max).describe(description);
const positive = (max: number, description: string) => z.number().gt(0).max(max).describe(description);
/** Builds the field of a solver's relative tolerance; below 1e-13, rounding errors dominate. */
const tolerance = (description: string) => real(1e-13, 1, description);
const decay = (description: string) => z.number().min(0).lt(1).describe(description);
const time = (description: string) => z.number().gt(0).lt(1).describe(description);
const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  z.enum(values).describe(description);
const file = (description: string) => z.string().min(1).meta({ format: "path" }).optional().describe(description);

const training = z.strictObject({
  steps: whole(1, 1e9, "total optimizer steps, including those before a resume"),
  batchSize: whole(1, 65536, "images in one step, over all shards"),
  shards: whole(1, 4096, "equal parts of a batch, for memory and machines; the result depends on their number"),
  checkpointEvery: whole(1, 1e9, "steps between checkpoints"),
  keepCheckpoints: whole(1, 1e6, "number of newest checkpoints to keep"),
  keepEvery: whole(0, 1e9, "also keep checkpoints at multiples of this step; 0: only the newest"),
  onDivergence: oneOf(["stop", "back"], "if the loss is not finite: stop, or repeat the step with new noise"),
  largestLoss: positive(1e30, "treat a larger loss as not finite; unset: no limit").optional(),
  logEvery: whole(1, 1e9, "steps between metrics"),
  snapshotEvery: whole(0, 1e9, "steps between snapshots, which draw samples and measure the bound; 0: never"),
  boundImages: whole(1, 1e6, "held-out and training images for a snapshot's bound, which chooses checkpoints/best"),
  snapshotRaw: flag("snapshots also draw samples with the current parameters, not averaged"),
  snapshotNearest: whole(0, 1e9, "training images that snapshots search for the nearest to each sample; 0: no search"),
  histogramEvery: whole(0, 1e9, "steps between gradient histograms for TensorBoard; 0: never"),
  noiseBins: whole(0, 100, "bins of log-SNR for the loss over noise in the metrics; 0: none"),
  likelihoodWeighting: flag("weight the loss by g(t)^2, the paper's likelihood weighting"),
  importanceWeighting: flag("draw t with a density proportional to g^2/sigma^2; needs likelihoodWeighting"),
  velocityTimes: flag("draw t for a predicted velocity; replaces importanceWeighting; needs likelihoodWeighting"),
  stratifiedTimes: flag("spread the times of a step evenly, so that the loss varies less"),
  continuous: flag("use continuous times; false: evaluate and sample a discrete-time model, which cannot be trained"),
  reduceMean: flag("mean over pixels and channels; false: half the sum"),
  smallestTime: time("smallest t in training and likelihood; unset: 1e-5, or 1e-2 for subvp"),
});

const data = z.strictObject({
  path: file("folder of prepared data, or of the official CIFAR-10 files; unset: download the data if possible"),
  version: oneOf(
    ["old", "new"],
    "version of ImageNet 32x32; results on one cannot be compared with the other",
  ).optional(),
  testFraction: positive(0.5, "share of images to hold out if the data have no test split"),
  dequantization: oneOf(
    ["uniform", "none", "middle", "truncated"],
    "noise on training images; middle: centre of the pixel's cell, no noise; unset: see uniformDequantization",
  ).optional(),
  uniformDequantization: flag("add uniform noise to training images, as evaluation always does"),
  randomFlip: flag("mirror half of the training images"),
  centered: flag("scale images to [-1, 1]; false: [0, 1]"),
});

const model = z.strictObject({
  prediction: oneOf(predictions, "what the network predicts; unset: noise, or score for ve").optional(),
  betaMin: positive(1000, "beta(0) of vp and subvp"),
  betaMax: positive(1000, "beta(1) of vp and subvp"),
  sigmaMin: positive(1e6, "sigma(0) of ve"),
  sigmaMax: positive(1e6, "sigma(1) of ve and linearve"),
  numScales: whole(1, 1e6, "discretization steps of the SDE"),
  inputFeatures: z
    .array(z.int().min(0).max(12))
    .max(8)
    .describe("exponents n of the extra inputs sin(2^n 2 pi x) and cos(2^n 2 pi x) of an image x; VDM uses 6,7"),
  nf: z.int().min(4).max(4096).multipleOf(4).describe("channels at full resolution"),
  chMult: z.array(z.int().min(1).max(64)).min(1).max(12).describe("channels of each resolution, as multiples of nf"),
  numResBlocks: whole(1, 64, "residual blocks per resolution"),
  attnResolutions: z.array(z.int().min(1).max(4096)).max(12).describe("image heights that use attention"),
  dropout: z.number().min(0).lt(1).describe("dropout rate in the residual blocks"),
  emaRate: decay("decay of the parameter average, which evaluation and sampling use"),
  emaRates: z
    .array(z.number().min(0).lt(1))
    .max(8)
    .describe("decays of further parameter averages; eval.emaRate chooses one"),
  initScale: real(0, 100, "scale of the last convolutions' initial weights"),
  skipRescale: flag("divide sums with a skip connection by sqrt 2"),
  resblockType: oneOf(["biggan", "ddpm"], "form of the residual blocks"),
  fir: flag("resample with firKernel instead of nearest neighbour and mean"),
  firKernel: z.array(z.number().min(-1e6).max(1e6)).min(1).max(64).describe("one-dimensional resampling filter"),
  progressive: oneOf(["none", "output_skip", "residual"], "progressive growing of the output"),
  progressiveInput: oneOf(["none", "input_skip", "residual"], "progressive growing of the input"),
  progressiveCombine: oneOf(["sum", "cat"], "how the input pyramid joins the features"),
  embeddingType: oneOf(["positional", "fourier"], "embedding of the diffusion time"),
  fourierScale: positive(1e6, "standard deviation of the fourier frequencies"),
  scaleBySigma: flag("divide the network's output by sigma"),
  resampWithConv: flag("convolve when resampling; ddpm blocks only"),
  conditional: flag("condition the network on the diffusion time"),
  nonlinearity: oneOf(["swish", "elu", "relu", "lrelu"], "activation function"),
});

const optim = z.strictObject({
  lr: positive(10, "learning rate after warmup"),
  beta1: z.number().min(0).lt(1).describe("Adam's decay of the first moment"),
  beta2: z.number().min(0).lt(1).describe("Adam's decay of the second moment"),
  eps: positive(1, "Adam's epsilon, added outside the root"),
  warmup: whole(0, 1e9, "steps over which the learning rate grows from 0"),
  gradClip: real(-1e9, 1e9, "largest global norm of the gradient; negative: no clipping"),
  weightDecay: real(0, 10, "decoupled weight decay"),
  schedule: oneOf(["constant", "linear"], "constant, or linear from lr to finalLr over decaySteps"),
  finalLr: real(0, 10, "last learning rate of the linear schedule"),
  decaySteps: whole(1, 1e9, "steps over which the linear schedule falls"),
});

/** Steps of an ODE solver. */
const stepsOf = (solver: string) => ({
  stepControl: oneOf(["batch", "image"], `steps of ${solver}: a batch's, as in the reference, or each image's`),
  timeVariable: oneOf(["t", "sqrt"], `variable of ${solver}'s steps: t, as in the reference, or its square root`),
});

const sampling = z.strictObject({
  numSamples: whole(1, 1e6, "number of images to sample"),
  smallestTime: time("t at which sampling ends; unset: 1e-3, or 1e-2 for subvp"),
  rtol: tolerance("relative tolerance of the ODE solver"),
  atol: positive(1, "absolute tolerance of the ODE solver"),
  ...stepsOf("the ODE solver"),
  noiseRemoval: flag("end with one denoising step"),
  method: oneOf(["ode", "pc"], "ode: probability flow ODE; pc: predictor-corrector in model.numScales steps"),
  predictor: oneOf(["euler_maruyama", "reverse_diffusion", "ancestral_sampling", "none"], "predictor of method pc"),
  corrector: oneOf(["langevin", "ald", "none"], "corrector of method pc"),
  snr: positive(100, "signal-to-noise ratio of the corrector"),
  nStepsEach: whole(1, 1000, "steps of the corrector at each time"),
  probabilityFlow: flag("predict without noise; method pc only"),
});

const evaluation = z.strictObject({
  split: oneOf(["test", "train"], "test: held-out images; train: training images"),
  numImages: whole(1, 1e7, "number of images to evaluate, from a fixed permutation of all"),
  batchSize: whole(1, 65536, "images evaluated at once"),
  rtol: tolerance("relative tolerance of the likelihood's ODE solver"),
  atol: positive(1, "absolute tolerance of the likelihood's ODE solver"),
  ...stepsOf("the likelihood solver"),
  hutchinson: oneOf(["rademacher", "gaussian"], "noise of the divergence estimate"),
  boundForm: oneOf(["dsm", "ssm"], "dsm: denoising score matching; ssm: sliced, which costs a gradient per time"),
  boundTimes: whole(1, 1e6, "times drawn per image for the variational bound"),
  boundOffset: flag("correct the bound for stopping at smallestTime"),
  repeats: whole(
    1,
    1000,
    "passes over the images, each with fresh noise; the reference uses 5 for test and 1 for train",
  ),
  emaRate: decay(
    "decay of the parameter average to evaluate and sample, one of model.emaRates; unset: model.emaRate",
  ).optional(),
  loss: flag("also evaluate the training loss, without dropout"),
  precision: oneOf(
    ["float32", "bfloat16"],
    "products in evaluation and sampling; on a GPU float32 means tf32 unless engine.precision is float32",
  ),
  dequantizer: flag("evaluate with a trained variational dequantizer"),
  dequantization: oneOf(
    ["uniform", "truncated"],
    "noise on evaluated images; truncated: the SDE's own at smallestTime, with the bound on discrete data",
  ),
  importanceSamples: whole(1, 10_000, "noise draws per image, whose probabilities are averaged for bpd"),
});

const dequantizer = z.strictObject({
  steps: whole(1, 1e9, "optimizer steps of --mode train_deq; --steps sets them in this mode"),
  batchSize: whole(2, 65536, "images in one step of --mode train_deq, over all shards"),
  lr: positive(10, "learning rate of --mode train_deq; falls over its steps if optim.schedule is linear"),
  filters: z.int().min(4).max(4096).multipleOf(4).describe("channels of the networks in the couplings"),
  components: whole(1, 1024, "logistic distributions in each mixture"),
  blocks: whole(1, 64, "residual blocks of each coupling"),
  heads: whole(1, 64, "attention heads of each coupling"),
  emaRate: decay("decay of the parameter average, which evaluation and sampling use"),
  offset: flag("correct the loss for stopping at smallestTime"),
});

const quality = z.strictObject({
  network: file("Inception network for FID, KID and Inception score; unset: skip them; see docs/guide/evaluation.md"),
  statistics: file("npz of the data with mu and sigma, or pool_3; unset: computed once from the training images"),
  samples: file("npz of samples, as written by --mode sample, to measure instead of new ones"),
  numSamples: whole(2, 1e6, "number of samples to measure"),
  batchSize: whole(1, 65536, "images that go through the Inception network at once"),
});

const engine = z.strictObject({
  compile: flag("run each step as one recorded graph"),
  precision: oneOf(
    ["float32", "tf32", "bfloat16", "auto"],
    "products in training; auto: bfloat16 if the processor computes it fast; unset: tf32 on a GPU, float32 elsewhere",
  ).optional(),
  deterministic: flag("compute the same numbers every time on a GPU; false: allow algorithms that may be faster"),
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe("CPU threads; unset: all cores, or as many as a container's CPU quota allows"),
});

const exchange = z.strictObject({
  engine: oneOf(["grpc", "tensorflow"], "transport of the gradients for --listen and --join"),
  wire: oneOf(
    ["float32", "bfloat16", "int8"],
    "number format on the wire; with bfloat16 the result depends on the number of nodes; int8: mode local only",
  ),
  mode: oneOf(
    ["sync", "local"],
    "sync: exchange gradients after every step; local: exchange parameter changes every exchange.every steps",
  ),
  every: whole(1, 1e6, "mode local: steps of a replica between two exchanges"),
  replicas: whole(1, 4096, "mode local: replicas of the model; unset: training.shards").optional(),
  outerLr: positive(10, "mode local: learning rate of the outer optimizer"),
  outerMomentum: z.number().min(0).lt(1).describe("mode local: Nesterov momentum of the outer optimizer"),
  moments: oneOf(
    ["averaged", "restarted"],
    "mode local: Adam's moments at the start of a round; averaging triples the traffic",
  ),
  deadlineSeconds: positive(1e6, "seconds without a message before a node is dropped; must exceed the slowest step"),
  mixed: oneOf(
    ["refuse", "allow"],
    "nodes with different code, engine or processor; allow: admit them; parameters then depend on the nodes",
  ),
  verifyEvery: whole(0, 1e9, "steps between comparisons of the nodes' parameters; 0: never"),
});

export const configSchema = z.strictObject({
  seed: whole(0, Number.MAX_SAFE_INTEGER, "seed of every random number"),
  sde: oneOf(sdeNames, "forward SDE"),
  checkpoint: file(
    "checkpoint to evaluate, sample or start from; best: the one with the smallest held-out bound; unset: the newest in the workdir",
  ),
  training,
  data,
  model,
  optim,
  sampling,
  eval: evaluation,
  dequantizer,
  quality,
  engine,
  exchange,
});

/** A checked configuration; paths and `engine.threads` may be absent. */
export type Config = z.infer<typeof configSchema>;

/** Any part of a configuration; lists are replaced as a whole. */
export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T;
