/** A pipeline of tiny images and a network of two numbers, trained, evaluated and sampled as the real ones are. */
import { EventEmitter } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { weightingOf } from "../../../src/run/from-config.ts";
import { imageDequantizer, trainByBound } from "../../../src/run/images/dequantizer.ts";
import { imageEvaluation } from "../../../src/run/images/evaluate.ts";
import { imageMeasures, imageSampler } from "../../../src/run/images/method.ts";
import type { Measure } from "../../../src/run/images/quality.ts";
import { sampleImages, samplesPath } from "../../../src/run/images/sample.ts";
import { pipelineMain } from "../../../src/cli/main.ts";
import { definePipeline, type RunContext, type Summary } from "../../../src/run/pipeline.ts";
import { requireName } from "../../../src/cli/registry.ts";
import { layoutOf } from "../../../src/models/parameters.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import { session } from "../../../src/run/session.ts";
import { type LoadedImages, loadedImages } from "../../../src/data/dataset.ts";
import type { Report } from "../../../src/monitor/report/report.ts";
import { accumulate } from "../../../src/streams/accumulate.ts";
import { adam } from "../../../src/streams/adam.ts";
import { captureState } from "../../../src/streams/capture-state.ts";
import { checkpoint } from "../../../src/streams/checkpoint.ts";
import { dequantize } from "../../../src/streams/dequantize.ts";
import { ema } from "../../../src/streams/ema.ts";
import { trainBatches } from "../../../src/streams/batches.ts";
import { perturb } from "../../../src/streams/perturb.ts";
import { record } from "../../../src/streams/record.ts";
import { sampleTime } from "../../../src/streams/sample-time.ts";
import { densityOf, scoreMatching } from "../../../src/streams/score-matching.ts";
import { linearModel } from "../../streams/fixture.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

/** Height and width of the images. */
export const SIZE = 4;
const WIDTH = SIZE * SIZE;

/** Grey images with a slope, the same every time. */
function dataset(split: "train" | "test", length: number, shift = 0): LoadedImages {
  const offset = (split === "train" ? 60 : 100) + shift;
  const pixels = Uint8Array.from({ length: length * WIDTH }, (_, i) => offset + ((i * 7) % 23) + 5 * (i % WIDTH));
  return loadedImages({ name: "tiny", split, shape: [SIZE, SIZE, 1], images: pixels });
}

interface Options {
  /** Measures the samples. */
  readonly measure?: Measure;
  /** Leave out the images of the training, as a pipeline may that has none. */
  readonly heldOutOnly?: boolean;
  /** Added to each pixel: other images at the same place. */
  readonly shift?: number | undefined;
  /** Sends SIGTERM when this has been printed. */
  readonly stopAt?: RegExp;
}

function run(context: RunContext, { measure, heldOutOnly, shift }: Options) {
  const { config, signal } = context;
  const { training, data, optim, model, seed } = config;
  const { batchSize, shards, steps, smallestTime: eps } = training;
  const [train, test] = [dataset("train", 16, shift), dataset("test", 6, shift)];
  const digests = { train: train.digest, test: test.digest };
  const weighting = weightingOf(config);
  return session(context, { network: linearModel([SIZE, SIZE, 1]), data: digests }, (own) => {
    const { sde, network, state, store } = own;
    const anchors = [{ name: "FLIF", bpd: 4.19 }];
    const evaluation = imageEvaluation(context, own, imageMeasures, {
      test,
      train: heldOutOnly ? undefined : train,
      anchors,
    });
    const dequantizer = imageDequantizer(context, own, train, { form: "cifar10", learn: trainByBound });
    return {
      train: () =>
        trainBatches(train, "image", { batchSize, shards, seed, from: state.step, to: steps, signal })
          .pipe(
            dequantize("uniform", { seed, centered: data.centered }),
            sampleTime(sde, { eps, density: densityOf(weighting), seed }),
            perturb(sde, { seed }),
          )
          .pipe(scoreMatching(network, sde, state, { weighting, seed }), accumulate(shards))
          .pipe(
            adam(state, { ...optim, compile: true }),
            ema(state, { rate: model.emaRate, compile: true }),
            captureState(state, { every: [training.checkpointEvery] }),
            checkpoint(state, store, { every: training.checkpointEvery, signal }),
            record({ steps, every: training.logEvery, batchSize }),
          ),
      evaluate: () => (config.eval.dequantizer ? dequantizer.with(evaluation.test) : evaluation.test()),
      sample: () => sampleImages(context, own, imageSampler, measure),
      report: () => evaluation.report({ grid: samplesPath(context, own) }, { note: "not measured" }),
      trainDequantizer: () => dequantizer.train(evaluation.bound),
    };
  });
}

const defaults = {
  training: { steps: 3, batchSize: 4, likelihoodWeighting: true, importanceWeighting: true },
  model: { nf: 4, chMult: [1, 1], attnResolutions: [] },
  eval: { numImages: 100, batchSize: 2, boundTimes: 3, rtol: 1e-2, atol: 1e-2, repeats: 1 },
  sampling: { numSamples: 5, rtol: 1e-1, atol: 1e-1 },
  dequantizer: { steps: 2, batchSize: 4, filters: 4, components: 2, blocks: 1, heads: 1 },
};

export interface Ran {
  readonly exitCode: number;
  readonly stderr: string;
  readonly summary: Partial<Summary> & { readonly evalLoss?: number };
}

/** Runs the command line in this process. */
export async function tiny(argv: readonly string[], options: Options = {}): Promise<Ran> {
  const signals = new EventEmitter();
  const presets = { quick: {}, paper: {}, paper_deep: {} };
  const pipeline = definePipeline({
    ...{ summary: "tiny images", reaches: "nothing", imageSize: SIZE, defaults, presets },
    run: (context) => run(context, options),
  });
  const names = ["tiny"];
  let [stdout, stderr] = ["", ""];
  const watch = (text: string) => {
    stderr += text;
    if (options.stopAt?.test(text)) signals.emit("SIGTERM");
    return true;
  };
  const exitCode = await pipelineMain(["tiny", ...argv, "--json"], {
    registry: { names: async () => names, load: async (name) => (requireName(name, names), pipeline) },
    stdout: { write: (text: string | Uint8Array) => ((stdout += text), true) },
    stderr: { write: (text: string | Uint8Array) => watch(String(text)) },
    signals: signals as unknown as NodeJS.Process,
  });
  return { exitCode, stderr, summary: JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Ran["summary"] };
}

/** `--set` for each setting. */
export const set = (...settings: string[]) => settings.flatMap((setting) => ["--set", setting]);

/** Bytes of the images that are evaluated. */
export const testPixels = (): Uint8Array => dataset("test", 6).images;

/** Writes a checkpoint whose averaged parameters these are; the parameters themselves are others. */
export function checkpointOf(average: Readonly<Record<string, number>>): Promise<string> {
  const layout = layoutOf(linearModel([SIZE, SIZE, 1]).parameters);
  const [parameters, m, v] = [0.5, 0, 0].map((value) => new Float32Array(layout.length).fill(value));
  const ema = new Float32Array(layout.length);
  for (const { name, offset } of layout.slots) ema[offset] = average[name]!;
  const store = new CheckpointStore({ workdir: temporaryFolder(), layout, config: {}, keep: 1 });
  return store.save("checkpoints", { step: 3, parameters: parameters!, m: m!, v: v!, ema });
}

/** Trained once for all tests of a file, which copy it. */
let model: Promise<string> | undefined;

/** A workdir with a trained model that was not evaluated yet. */
export async function trained(): Promise<string> {
  model ??= (async () => {
    const workdir = mkdtempSync(join(tmpdir(), "scorestream-model-"));
    const { exitCode, stderr } = await tiny(["--workdir", workdir]);
    if (exitCode !== 0) throw new Error(stderr);
    return workdir;
  })();
  const [from, workdir] = [await model, temporaryFolder()];
  for (const name of ["config.json", "checkpoints"]) cpSync(join(from, name), join(workdir, name), { recursive: true });
  return workdir;
}

/** Removes what {@link trained} has made; for `afterAll`. */
export async function removeTrained(): Promise<void> {
  const made = model;
  // The test files share this module.
  model = undefined;
  if (made) rmSync(await made, { recursive: true });
}

/** `report.json` of the evaluation in `workdir`. */
export function reportOf(workdir: string): Report {
  return JSON.parse(readFileSync(join(workdir, "eval", "report.json"), "utf8")) as Report;
}
