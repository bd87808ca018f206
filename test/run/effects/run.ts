/** A run of tiny images and a network of two numbers, by the parts of the image pipelines, and what is seen of it. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { concat, ignoreElements, lastValueFrom, toArray } from "rxjs";
import { train } from "../../../pipelines/cifar10.ts";
import type { ImageDataset } from "../../../src/data/dataset.ts";
import { loadEngine } from "../../../src/engine/load.ts";
import type { Mode } from "../../../src/metrics/run-event.ts";
import { layoutOf } from "../../../src/models/parameters.ts";
import { digest } from "../../../src/models/parameters.ts";
import type { ScoreModel } from "../../../src/models/score-model.ts";
import { imageDequantizer } from "../../../src/run/images/dequantizer.ts";
import { imageEvaluation } from "../../../src/run/images/evaluate.ts";
import { sampleImages } from "../../../src/run/images/sample.ts";
import { imageSnapshot } from "../../../src/run/images/snapshot.ts";
import type { RunContext } from "../../../src/run/pipeline.ts";
import { parseAssignment, resolveConfig } from "../../../src/run/resolve-config.ts";
import { session } from "../../../src/run/session.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import type { Snapshot } from "../../../src/training/train-state.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { linearModel } from "../../streams/fixture.ts";

const SIZE = 4;
const linear = linearModel([SIZE, SIZE, 1]);
const layout = layoutOf(linear.parameters);

/** Grey images, the same every time. */
function dataset(split: "train" | "test", length: number): ImageDataset {
  const first = split === "train" ? 60 : 100;
  const pixels = Uint8Array.from({ length: length * SIZE * SIZE }, (_, i) => first + ((i * 7) % 101));
  return { name: "tiny", split, length, shape: [SIZE, SIZE, 1], images: pixels, labels: new Uint8Array(length) };
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

/** A state with these parameters b and w, and others as their average. */
function state(step: number, b: number, w: number): Snapshot {
  const [parameters, m, v, ema] = Array.from({ length: 4 }, () => new Float32Array(layout.length)) as [Float32Array, Float32Array, Float32Array, Float32Array]; // prettier-ignore
  for (const { name, offset } of layout.slots) {
    parameters[offset] = name === "b" ? b : w;
    ema[offset] = parameters[offset]! + 0.1;
  }
  return { step, parameters, m, v, ema };
}

/** Writes a checkpoint of step 1 whose score is of about the right size, so that samples are not all black and white. */
export function checkpointFile(w = 1.2): Promise<string> {
  const store = new CheckpointStore({ workdir: temporaryFolder(), layout, config: {}, keep: 1 });
  return store.save("checkpoints", state(1, 0.1, w));
}

/** Step of the look. */
const LOOK = 7;

/**
 * What of a run is done: training, a look as in mid-training, an evaluation, samples, a dequantizer's training; with
 * "count", how often the network is called from JavaScript is seen too.
 */
export type Part = "train" | "look" | "eval" | "sample" | "dequantizer" | "count";

/** What is seen, as text, by its name; only what was done has an entry. */
export type Seen = Readonly<Record<string, string>>;

const text = (value: unknown) => JSON.stringify(value);
const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : []);
const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
/** Steps of the training's metrics, but not those that tell times. */
const LOGGED = /^train(_deq)?\/(loss|grad_norm)$/;

function modeOf(parts: readonly Part[]): Mode {
  if (parts.includes("train") || parts.includes("look")) return "train";
  return parts.includes("dequantizer") ? "train_deq" : "eval";
}

/** Does the parts in a workdir of its own, from a checkpoint. */
export async function observe(sets: readonly string[], parts: readonly Part[]): Promise<Seen> {
  const mode = modeOf(parts);
  const config = configOf([`checkpoint=${await checkpointFile()}`, ...sets]);
  const [workdir, engine, stop] = [temporaryFolder(), await loadEngine(), new AbortController().signal];
  const context: RunContext = { name: "tiny", mode, preset: "quick", config, workdir, cacheDir: workdir, engine, stop };
  const [images, test] = [dataset("train", 16), dataset("test", 6)];
  const seen: Record<string, string> = {};
  let applied = 0;
  const apply: ScoreModel["apply"] = (...given) => (applied++, linear.apply(...given));

  const stream = session(context, { network: { ...linear, apply } }, (own) => {
    const evaluation = imageEvaluation(context, own, test, [], images);
    const look = imageSnapshot(context, own, test);
    const chosen = () =>
      concat(
        ...(parts.includes("eval") ? [evaluation.test()] : []),
        ...(parts.includes("sample") ? [sampleImages(context, own)] : []),
      );
    return {
      train: () =>
        parts.includes("train")
          ? train(context, own, images, look)
          : look(state(LOOK, 0.1, 1.2)).pipe(ignoreElements()),
      evaluate: () => {
        if (parts.includes("train")) seen["average"] = own.averageDigest();
        return chosen();
      },
      sample: () => concat(),
      trainDequantizer: () =>
        imageDequantizer(context, own, images, "cifar10").train(({ state, loss }) => {
          seen["dequantizer"] = state.digest();
          seen["average"] = digest(loss.layout, state.ema.dataSync() as Float32Array);
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
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, "utf8").split("\n").slice(1).join("\n"))
      .join();
  if (parts.includes("train") || parts.includes("dequantizer")) {
    seen["logged"] = text(metrics.filter(({ name }) => LOGGED.test(name)).map(({ name, step }) => [name, step]));
    seen["steps"] = text(steps);
    const store = parts.includes("train") ? workdir : join(workdir, "flowpp_dequantizer");
    seen["checkpoints"] = text(filesIn(join(store, "checkpoints")));
  }
  const bounds = metrics.filter(({ name }) => name === "eval/bound");
  if (parts.includes("train")) {
    seen["parameters"] = parameters;
    seen["looks"] = text(bounds.map(({ step }) => step).filter((step) => step < steps));
    seen["histograms"] = text(events.flatMap((event) => (event.type === "histogram" ? [event.step] : [])));
  }
  if (parts.includes("look")) {
    seen["look"] = text(bounds.filter(({ step }) => step === LOOK).map(({ value }) => value));
    seen["grid"] = hash(join(workdir, "samples", `samples_${LOOK}.png`));
  }
  if (parts.includes("eval")) {
    seen["bpd"] = evaluated("bpd", "bpd_train");
    seen["bound"] = evaluated("bound", "bound_train", "bound_ssm");
    seen["loss"] = evaluated("loss", "loss_train");
  }
  if (parts.includes("sample")) seen["samples"] = hash(join(workdir, "samples", `samples_${steps}.png`));
  if (parts.includes("count")) seen["calls"] = String(applied);
  return seen;
}
