/** A run of tiny images and a network of two numbers, by the parts of the image pipelines, and what is seen of it. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { concat, identity, ignoreElements, lastValueFrom, toArray } from "rxjs";
import { scoreFlow, train } from "../../../pipelines/cifar10.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { type ImageDataset, loadedImages } from "../../../src/data/dataset.ts";
import { loadEngine } from "../../../src/engine/load.ts";
import type { NearestImages } from "../../../src/metrics/nearest-images.ts";
import type { Mode } from "../../../src/metrics/run-event.ts";
import { layoutOf } from "../../../src/models/parameters.ts";
import { digest } from "../../../src/models/parameters.ts";
import type { ScoreModel } from "../../../src/models/score-model.ts";
import { imageDequantizer, trainByBound } from "../../../src/run/images/dequantizer.ts";
import { imageEvaluation } from "../../../src/run/images/evaluate.ts";
import { imageMeasures, imageSampler } from "../../../src/run/images/method.ts";
import { sampleImages } from "../../../src/run/images/sample.ts";
import { imageSnapshot } from "../../../src/run/images/snapshot.ts";
import type { RunContext } from "../../../src/run/pipeline.ts";
import { parseAssignment, resolveConfig } from "../../../src/run/resolve-config.ts";
import { session } from "../../../src/run/session.ts";
import { trainingNoise } from "../../../src/run/from-config.ts";
import { trainingLoop } from "../../../src/run/training-loop.ts";
import { dequantize } from "../../../src/streams/dequantize.ts";
import { flip } from "../../../src/streams/flip.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import type { Snapshot } from "../../../src/training/train-state.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { linearModel } from "../../streams/fixture.ts";
import { normal } from "../../support/tensors.ts";

const SIZE = 4;
export const linear = linearModel([SIZE, SIZE, 1]);
const layout = layoutOf(linear.parameters);

/** Grey images, the same every time. */
export function dataset(split: "train" | "test", length: number): ImageDataset {
  const first = split === "train" ? 60 : 100;
  const pixels = Uint8Array.from({ length: length * SIZE * SIZE }, (_, i) => first + ((i * 7) % 101));
  return loadedImages({ name: "tiny", split, shape: [SIZE, SIZE, 1], images: pixels });
}

/** What no row says: short, and away from small times, at which a network that knows nothing is far off. */
const SETTINGS = {
  training: { steps: 5, batchSize: 4, checkpointEvery: 2, logEvery: 2, snapshotEvery: 3, histogramEvery: 2, smallestTime: 0.3 }, // prettier-ignore
  model: { nf: 4, chMult: [1], emaRate: 0.5, numScales: 3 },
  optim: { lr: 0.05, warmup: 2 },
  sampling: { numSamples: 3, smallestTime: 0.3, rtol: 1e-1, atol: 1e-1 },
  eval: { numImages: 3, batchSize: 2, boundTimes: 2, rtol: 1e-2, atol: 1e-2, repeats: 1 },
  dequantizer: { steps: 2, batchSize: 4, filters: 4, components: 2, blocks: 1, heads: 1 },
  engine: { compile: false },
};

export const configOf = (sets: readonly string[]) =>
  resolveConfig({ imageSize: SIZE, settings: [SETTINGS], assignments: sets.map(parseAssignment) }).config;

/** A state whose average is the network AVERAGE.w x + AVERAGE.b, and whose parameters differ from it by `off`. */
function state(given: number, { w = AVERAGE.w, off = -0.1, step = given }: Start = {}): Snapshot {
  const zeros = () => new Float32Array(layout.length);
  const [parameters, ema] = [zeros(), zeros()];
  for (const { name, offset } of layout.slots) {
    ema[offset] = name === "b" ? AVERAGE.b : w;
    parameters[offset] = ema[offset]! + off;
  }
  return { step, parameters, m: zeros(), v: zeros(), ema };
}

/** A score of about the right size, so that samples are not all black and white. */
const AVERAGE = { b: 0.2, w: 1.3 };

export interface Start {
  readonly w?: number;
  /** The parameters minus their average. */
  readonly off?: number;
  /** Default 1. */
  readonly step?: number;
}

/** The averaged parameters, in the layout. */
export const averageVector = (): Float32Array => state(1).ema;

/** Writes a checkpoint, of step 1 by default. */
export function checkpointFile(start?: Start): Promise<string> {
  const store = new CheckpointStore({ workdir: temporaryFolder(), layout, config: {}, keep: 1 });
  return store.save("checkpoints", state(1, start));
}

/** The stages of `pipelines/cifar10.ts` up to the loss, then `trainingLoop`. */
const loop: typeof train = (context, own, data, look) => {
  const { seed, data: options } = context.config;
  const noise = trainingNoise(context.config);
  return trainingLoop(context, own, {
    data,
    column: "image",
    look,
    stages: () => (source) =>
      source.pipe(options.randomFlip ? flip({ seed }) : identity, dequantize(noise.kind, { seed, ...noise })),
  });
};

/** What pipelines have that do not write out the method. */
const usual = { measures: imageMeasures, sampler: imageSampler, trainDequantizer: trainByBound };

/** Step of the look. */
const LOOK = 7;

/**
 * What of a run is done: training, a look as in mid-training, an evaluation, samples, a dequantizer's training. All is as in
 * `pipelines/cifar10.ts`; with "loop" it is by `trainingLoop` and the defaults of `imagePipeline`. With "count", how often the network is called from JavaScript is seen too.
 */
export type Part = "train" | "loop" | "look" | "eval" | "sample" | "dequantizer" | "count";

/** What is seen, as text, by its name; only what was done has an entry. */
export type Seen = Readonly<Record<string, string>>;

const text = (value: unknown) => JSON.stringify(value);
const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : []);
const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
/** Steps of the training's metrics, but not those that tell times. */
const LOGGED = /^train(_deq)?\/(loss|grad_norm)$/;

const trains = (parts: readonly Part[]) => parts.includes("train");

function modeOf(parts: readonly Part[]): Mode {
  if (trains(parts) || parts.includes("look")) return "train";
  return parts.includes("dequantizer") ? "train_deq" : "eval";
}

/** Does the parts in a workdir of its own, from a checkpoint. */
export async function observe(sets: readonly string[], parts: readonly Part[], start?: Start): Promise<Seen> {
  const mode = modeOf(parts);
  const config = configOf([`checkpoint=${await checkpointFile(start)}`, ...sets]);
  const [workdir, engine, signal] = [temporaryFolder(), await loadEngine(), new AbortController().signal];
  const context: RunContext = {
    name: "tiny",
    mode,
    preset: "quick",
    config,
    workdir,
    cacheDir: workdir,
    engine,
    signal,
  };
  const [data, test] = [dataset("train", 16), dataset("test", 6)];
  const seen: Record<string, string> = {};
  let applied = 0;
  const apply: ScoreModel["apply"] = (...given) => (applied++, linear.apply(...given));

  const stream = session(context, { network: { ...linear, apply } }, (own) => {
    const { measures, sampler, trainDequantizer: learn } = parts.includes("loop") ? usual : scoreFlow;
    const evaluation = imageEvaluation(context, own, measures, { test, train: data });
    const { look } = imageSnapshot(context, own, { train: data, test }, { measures, sampler });
    const chosen = () =>
      concat(
        ...(parts.includes("eval") ? [evaluation.test()] : []),
        ...(parts.includes("sample") ? [sampleImages(context, own, sampler)] : []),
      );
    return {
      train: () => {
        if (trains(parts)) return (parts.includes("loop") ? loop : train)(context, own, data, look);
        return look(state(LOOK, start)).pipe(ignoreElements());
      },
      evaluate: () => {
        if (trains(parts)) seen["average"] = own.averageDigest();
        return chosen();
      },
      sample: () => concat(),
      trainDequantizer: () =>
        imageDequantizer(context, own, data, { form: "cifar10", learn }).train(({ state, loss, draw }) => {
          seen["dequantizer"] = state.digest();
          seen["average"] = digest(loss.layout, state.ema.dataSync() as Float32Array);
          const image = new Float32Array(SIZE * SIZE).fill(0.5);
          seen["drawn"] = text(draw(normal(image.length, 5), image));
          return concat();
        }),
    };
  });
  const events = await lastValueFrom(stream.pipe(toArray()));

  const metrics = events.flatMap((event) => (event.type === "metric" ? [event] : []));
  const results = events.map((event) => (event.type === "result" ? event.values : {}));
  const { steps = 0, parameters = "" } = results.reduce((all, values) => ({ ...all, ...values }), {});
  const evaluated = (...names: string[]) =>
    names
      .map((name) => join(workdir, "eval", `${name}.jsonl`))
      .map((path) => text(readProgress(path)?.entries ?? []))
      .join();
  if (trains(parts) || parts.includes("dequantizer")) {
    seen["logged"] = text(metrics.filter(({ name }) => LOGGED.test(name)).map(({ name, step }) => [name, step]));
    seen["steps"] = text(steps);
    const store = trains(parts) ? workdir : join(workdir, "flowpp_dequantizer");
    seen["checkpoints"] = text(filesIn(join(store, "checkpoints")));
  }
  const last = (name: string) => metrics.findLast((metric) => metric.name === name)?.value ?? NaN;
  const bounds = metrics.filter(({ name }) => /^eval\/bound(_discrete)?(_ema_[\d.]+)?$/.test(name));
  if (trains(parts)) {
    seen["parameters"] = parameters;
    seen["step-size"] = String(Math.round(last("train/images_per_second") * last("train/seconds_per_step")));
    const kept = new CheckpointStore({ workdir, layout, config: {}, keep: 1 }).load(() => {})!.snapshot;
    seen["kept-average"] = digest(layout, kept.ema);
    seen["averages"] = text([...(kept.averages?.keys() ?? [])]);
    seen["looks"] = text(bounds.map(({ step }) => step).filter((step) => step < steps));
    const histograms = events.flatMap((event) => (event.type === "histogram" ? [event] : []));
    const ofNoise = ({ name }: { readonly name: string }) => name.startsWith("loss_by_noise/");
    seen["histograms"] = text(histograms.filter((event) => !ofNoise(event)).map(({ step }) => step));
    seen["bins"] = text(histograms.find(ofNoise)?.counts.bucket.length);
  }
  if (parts.includes("look")) {
    seen["look"] = text(bounds.filter(({ step }) => step === LOOK).map(({ value }) => value));
    const drawn = filesIn(join(workdir, "samples"));
    seen["drawn-files"] = text(drawn.filter((name) => name.includes(String(LOOK))));
    const nearest = join(workdir, "samples", `nearest_${LOOK}.json`);
    seen["searched"] = existsSync(nearest) ? text((JSON.parse(readFileSync(nearest, "utf8")) as NearestImages).searched) : "0"; // prettier-ignore
    seen["grid"] = hash(join(workdir, "samples", `samples_${LOOK}.png`));
  }
  if (parts.includes("eval")) {
    seen["bpd"] = evaluated("bpd", "bpd_train", "bpd_truncated", "bpd_iw2");
    seen["bound"] = evaluated("bound", "bound_train", "bound_ssm", "bound_discrete");
    seen["loss"] = evaluated("loss", "loss_train");
  }
  if (parts.includes("sample")) seen["samples"] = hash(join(workdir, "samples", `samples_${steps}.png`));
  if (parts.includes("count")) seen["calls"] = String(applied);
  return seen;
}
