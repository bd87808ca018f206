/** Every field of the configuration changes just what it is said to change. A field without a row fails. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { fields } from "../../src/run/config-fields.ts";
import { network } from "./effects/network.ts";
import {
  engineOptions,
  exchange,
  inceptionFile,
  missingImageNet,
  missingImages,
  preparedSplits,
  products,
  quality,
  samplesFile,
  statisticsFile,
  wantedDequantizer,
} from "./effects/others.ts";
import { observe, checkpointFile, type Part, type Seen } from "./effects/run.ts";

/** Sees what settings do, each "key=value". */
type See = (sets: readonly string[]) => Promise<Seen>;

/** "key=value", or a key and what makes the file that it names. */
type Setting = string | readonly [string, () => Promise<string>];

interface Row {
  /** A value that is not the one it has. */
  readonly value: string | (() => Promise<string>);
  readonly see: See;
  /** Names of what is seen to change; all else that is seen stays. */
  readonly changes: string;
  /** Settings with which it counts; a function makes the file that the setting names. */
  readonly given: readonly Setting[];
}

const row = (value: Row["value"], see: See, changes: string, ...given: Setting[]): Row => ({
  ...{ value, see, changes, given },
});
/** Of a run that does these parts. */
const run =
  (...parts: Part[]): See =>
  (sets) =>
    observe(sets, parts);

/** Of a training by local steps, which begins at the end of a round. */
const local: See = (sets) => {
  const rounds = ["exchange.mode=local", "exchange.every=2", "training.shards=2", "training.steps=12"];
  const whole = ["training.checkpointEvery=4", "training.snapshotEvery=12", "training.histogramEvery=0"];
  return observe([...rounds, ...whole, ...sets], ["train", "loop"], { step: 4 });
};
const whole = run("train", "eval", "sample");
const training = run("train");
/** Of a training that may end with a loss that is too large. */
const diverging: See = (sets) => training(sets).catch((error: Error): Seen => ({ refusal: error.message }));
const evaluation = run("eval", "sample", "look");
const dequantizer = run("dequantizer");
const EVALUATED = "bpd bound loss samples";
const ALL = `parameters average kept-average ${EVALUATED}`;
const PARAMETERS = "parameters average kept-average";
const pc = ["sampling.method=pc", "model.numScales=25"];
const fourier = "model.embeddingType=fourier";
const inception = ["quality.network", inceptionFile] as const;
const samples = ["quality.samples", samplesFile] as const;
const ve = ["sde=ve", fourier, "model.sigmaMax=1"];

const ROWS: Readonly<Record<string, Row>> = {
  seed: row("7", whole, ALL),
  sde: row("subvp", whole, ALL),
  checkpoint: row(() => checkpointFile({ w: 1.2 }), whole, ALL),

  "training.steps": row("4", training, `steps logged checkpoints ${PARAMETERS}`),
  "training.batchSize": row("8", training, `${PARAMETERS} step-size`),
  "training.shards": row("2", training, PARAMETERS),
  "training.checkpointEvery": row("1", training, "checkpoints"),
  "training.keepCheckpoints": row("1", training, "checkpoints"),
  "training.keepEvery": row("1", training, "checkpoints", "training.keepCheckpoints=1", "training.checkpointEvery=1"),
  "training.onDivergence": row("back", diverging, "refusal", "training.largestLoss=0.03"),
  "training.largestLoss": row("0.03", training, PARAMETERS, "training.onDivergence=back"),
  "training.logEvery": row("1", training, "logged"),
  "training.snapshotEvery": row("2", training, "looks"),
  "training.boundImages": row("2", evaluation, "look"),
  "training.snapshotRaw": row("false", run("look"), "drawn-files"),
  "training.snapshotNearest": row("3", run("look"), "searched"),
  "training.histogramEvery": row("1", training, "histograms"),
  "training.noiseBins": row("3", training, "bins"),
  "training.likelihoodWeighting": row("true", whole, ALL),
  "training.importanceWeighting": row("true", whole, ALL, "training.likelihoodWeighting=true"),
  "training.continuous": row("false", run("eval", "sample"), EVALUATED, "model.numScales=25"),
  "training.velocityTimes": row("true", whole, ALL, "training.likelihoodWeighting=true"),
  "training.stratifiedTimes": row("true", whole, ALL),
  "training.reduceMean": row("false", whole, ALL, "optim.eps=1e-2"),
  "training.smallestTime": row("0.2", whole, ALL),

  "data.path": row("/nowhere", missingImages, "refusal"),
  "data.version": row("old", missingImageNet, "refusal"),
  "data.testFraction": row("0.5", preparedSplits, "lengths", "data.testFraction=0.25"),
  "data.dequantization": row("middle", whole, ALL),
  "data.uniformDequantization": row("false", whole, ALL),
  "data.randomFlip": row("false", whole, ALL),
  "data.centered": row("false", whole, ALL),

  "model.prediction": row("velocity", whole, ALL),
  "model.betaMin": row("0.2", whole, ALL),
  "model.betaMax": row("15", whole, ALL),
  "model.sigmaMin": row("0.1", whole, ALL, ...ve),
  "model.sigmaMax": row("2", whole, ALL, ...ve),
  "model.numScales": row("26", run("sample", "look"), "samples grid", ...pc),
  "model.inputFeatures": row("6,7", network, "parameters initial output"),
  "model.nf": row("8", network, "parameters initial output"),
  "model.chMult": row("1,2", network, "parameters initial output"),
  "model.numResBlocks": row("2", network, "parameters initial output"),
  "model.attnResolutions": row("[]", network, "parameters initial output"),
  "model.dropout": row("0.5", network, "output"),
  "model.emaRate": row("0.6", whole, `average kept-average ${EVALUATED}`),
  "model.emaRates": row("0.6", training, "averages"),
  "model.initScale": row("1", network, "initial"),
  "model.skipRescale": row("false", network, "output"),
  "model.resblockType": row("ddpm", network, "parameters initial output"),
  "model.fir": row("true", network, "output"),
  "model.firKernel": row("1,2,1", network, "output", "model.fir=true"),
  "model.progressive": row("output_skip", network, "parameters initial output"),
  "model.progressiveInput": row("input_skip", network, "parameters initial output"),
  "model.progressiveCombine": row("cat", network, "parameters initial output", "model.progressiveInput=input_skip"),
  "model.embeddingType": row("fourier", network, "parameters initial output"),
  "model.fourierScale": row("8", network, "initial", fourier),
  "model.scaleBySigma": row("true", network, "output", fourier),
  "model.resampWithConv": row("false", network, "parameters initial output", "model.resblockType=ddpm"),
  "model.conditional": row("false", network, "parameters initial output"),
  "model.nonlinearity": row("relu", network, "output"),

  "optim.lr": row("0.02", whole, ALL),
  "optim.beta1": row("0.8", training, PARAMETERS),
  "optim.beta2": row("0.9", training, PARAMETERS),
  "optim.eps": row("1e-3", training, PARAMETERS),
  "optim.warmup": row("3", training, PARAMETERS),
  "optim.gradClip": row("0.01", training, PARAMETERS),
  "optim.weightDecay": row("0.1", training, PARAMETERS),
  "optim.schedule": row("linear", training, PARAMETERS, "optim.decaySteps=4"),
  "optim.finalLr": row("1e-3", training, PARAMETERS, "optim.schedule=linear", "optim.decaySteps=4"),
  "optim.decaySteps": row("5", training, PARAMETERS, "optim.schedule=linear", "optim.decaySteps=4"),

  "sampling.numSamples": row("2", evaluation, "samples"),
  "sampling.smallestTime": row("0.2", evaluation, "samples grid"),
  "sampling.rtol": row("1e-3", evaluation, "samples grid", "sampling.atol=1e-3"),
  "sampling.atol": row("1e-3", evaluation, "samples grid", "sampling.rtol=1e-3"),
  "sampling.stepControl": row("image", evaluation, "samples grid", "sampling.rtol=1e-2", "sampling.atol=1e-2"),
  "sampling.timeVariable": row("sqrt", evaluation, "samples grid"),
  "sampling.noiseRemoval": row("false", evaluation, "samples grid"),
  "sampling.method": row("pc", evaluation, "samples grid", "model.numScales=25"),
  "sampling.predictor": row("euler_maruyama", evaluation, "samples grid", ...pc),
  "sampling.corrector": row("none", evaluation, "samples grid", ...pc),
  "sampling.snr": row("0.3", evaluation, "samples grid", ...pc),
  "sampling.nStepsEach": row("2", evaluation, "samples grid", ...pc),
  "sampling.probabilityFlow": row("true", evaluation, "samples grid", ...pc),

  "eval.split": row("train", evaluation, "bpd bound loss"),
  "eval.numImages": row("2", evaluation, "bpd bound loss"),
  "eval.batchSize": row("3", evaluation, "bpd bound loss samples look"),
  "eval.rtol": row("1e-3", evaluation, "bpd", "eval.atol=1e-3"),
  "eval.atol": row("1e-3", evaluation, "bpd", "eval.rtol=1e-3"),
  "eval.stepControl": row("image", evaluation, "bpd"),
  "eval.timeVariable": row("sqrt", evaluation, "bpd"),
  "eval.hutchinson": row("gaussian", evaluation, "bpd"),
  "eval.boundForm": row("ssm", evaluation, "bound look"),
  "eval.boundTimes": row("3", evaluation, "bound look"),
  "eval.boundOffset": row("false", evaluation, "bound look"),
  "eval.repeats": row("2", evaluation, "bpd bound loss"),
  "eval.loss": row("false", evaluation, "loss"),
  "eval.precision": row("bfloat16", products, "losses score divergence", "engine.compile=true"),
  "eval.emaRate": row("0.6", whole, `average ${EVALUATED}`, "model.emaRates=0.6"),
  "eval.dequantization": row("truncated", evaluation, "bpd bound look"),
  "eval.importanceSamples": row("2", evaluation, "bpd"),
  "eval.dequantizer": row("true", wantedDequantizer, "refusal"),

  "dequantizer.steps": row("1", dequantizer, "dequantizer average drawn logged steps checkpoints"),
  "dequantizer.batchSize": row("2", dequantizer, "dequantizer average drawn"),
  "dequantizer.lr": row("1e-3", dequantizer, "dequantizer average drawn"),
  "dequantizer.filters": row("8", dequantizer, "dequantizer average drawn"),
  "dequantizer.components": row("3", dequantizer, "dequantizer average drawn"),
  "dequantizer.blocks": row("2", dequantizer, "dequantizer average drawn"),
  "dequantizer.heads": row("2", dequantizer, "dequantizer average drawn"),
  "dequantizer.emaRate": row("0.5", dequantizer, "average drawn"),
  "dequantizer.offset": row("false", dequantizer, "dequantizer average drawn"),

  "quality.network": row(inceptionFile, quality, "progress found drawn", samples),
  "quality.statistics": row(statisticsFile, quality, "found progress", inception, samples),
  "quality.samples": row(samplesFile, quality, "drawn progress found", inception),
  "quality.numSamples": row("3", quality, "progress found", inception, samples),
  "quality.batchSize": row("2", quality, "progress", inception, samples),

  "engine.compile": row("true", run("eval", "count"), "calls"),
  "engine.precision": row("bfloat16", products, "gradient", "engine.compile=true"),
  "engine.deterministic": row("false", engineOptions, "deterministic"),
  "engine.threads": row("3", engineOptions, "threads"),

  "exchange.engine": row("tensorflow", exchange, "refusal"),
  "exchange.mode": row("sync", local, PARAMETERS),
  "exchange.every": row("4", local, `logged ${PARAMETERS}`),
  "exchange.replicas": row("1", local, PARAMETERS),
  "exchange.outerLr": row("1", local, PARAMETERS),
  "exchange.outerMomentum": row("0", local, PARAMETERS),
  "exchange.moments": row("restarted", local, PARAMETERS),
  "exchange.wire": row("int8", local, PARAMETERS, "exchange.moments=restarted"),
};

/** Fields that change nothing here, and why. */
const UNSEEN: Readonly<Record<string, string>> = {
  "exchange.mixed": "counts between nodes only: test/grpc/exchange",
  "exchange.verifyEvery": "counts between nodes only: test/grpc/exchange",
  "exchange.deadlineSeconds": "counts when a node falls silent only: test/grpc/exchange",
};

const written = async (setting: Setting) =>
  typeof setting === "string" ? setting : `${setting[0]}=${await setting[1]()}`;

const found = new Map<See, Map<string, Promise<Seen>>>();
/** What is seen without a row's change, which many rows have in common. */
function once(see: See, given: readonly string[]): Promise<Seen> {
  const seen = found.get(see) ?? new Map<string, Promise<Seen>>();
  found.set(see, seen);
  const key = given.join(" ");
  const result = seen.get(key) ?? see(given);
  seen.set(key, result);
  return result;
}

describe("the configuration", { timeout: 30_000 }, () => {
  it.each(fields.map(({ name }) => name).filter((name) => !(name in UNSEEN)))(
    "%s changes what it is said to change",
    async (name) => {
      const row = ROWS[name];
      expect(row, "has a row").toBeDefined();
      const { see, changes, value } = row!;
      const given = await Promise.all(row!.given.map(written));
      const changed = await written(typeof value === "string" ? `${name}=${value}` : [name, value]);
      const [before, after] = [await once(see, given), await see([...given, changed])];
      const different = Object.keys(before).filter((what) => !isDeepStrictEqual(before[what], after[what]));
      expect(different.sort()).toEqual(changes.split(" ").sort());
    },
  );

  it("has no row for a field that there is not", () => {
    const names = [...Object.keys(ROWS), ...Object.keys(UNSEEN)];
    expect(names.filter((name) => !fields.some((field) => field.name === name))).toEqual([]);
  });
});
