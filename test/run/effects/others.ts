/** What is seen of settings that no run of tiny images has: files, the device, and those one trains with. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EMPTY, lastValueFrom, take, toArray, type Observable } from "rxjs";
import imagenet32 from "../../../pipelines/imagenet32.ts";
import images from "../../../pipelines/images.ts";
import { loadedImages } from "../../../src/data/dataset.ts";
import { writeNpz } from "../../../src/data/formats/npz.ts";
import { loadEngine, type EngineOptions } from "../../../src/engine/load.ts";
import { tf } from "../../../src/engine/tf.ts";
import { ncsnpp } from "../../../src/models/ncsnpp.ts";
import { initialParameters, layoutOf } from "../../../src/models/parameters.ts";
import { featureStatistics } from "../../../src/quality/statistics.ts";
import { writeStatistics } from "../../../src/quality/statistics-file.ts";
import { scoreNetwork } from "../../../src/models/score-network.ts";
import { precisionsOf } from "../../../src/run/precision.ts";
import { peersOf, type Trained } from "../../../src/run/exchange.ts";
import { networkOf } from "../../../src/run/network-from-config.ts";
import { imagePipeline } from "../../../src/run/images/image-pipeline.ts";
import { preparedImages } from "../../../src/run/images/prepared.ts";
import { imageQuality } from "../../../src/run/images/quality.ts";
import type { Pipeline, RunContext, RunEvent } from "../../../src/run/pipeline.ts";
import type { Session } from "../../../src/run/session.ts";
import { CheckpointStore } from "../../../src/training/checkpoints/checkpoint-store.ts";
import { engineNamed, pipeline as commandLine, temporaryFolder } from "../../cli/fixture.ts";
import { pngFolder, prepared } from "../../pipelines/prepared-fixture.ts";
import { loadSmall } from "../../quality/inception/fixture.ts";
import { classifyImageGraph, DIMS } from "../../quality/inception/frozen-graphs.ts";
import { sde, TINY } from "../../streams/fixture.ts";
import { normal } from "../../support/tensors.ts";
import { configOf, type Seen } from "./run.ts";

const text = (value: unknown) => JSON.stringify(value);
const collect = (events: Observable<RunEvent>) => lastValueFrom(events.pipe(toArray()), { defaultValue: [] });

/** @returns What the run was refused with, or an empty text. */
async function refused(events: () => Observable<RunEvent>): Promise<string> {
  try {
    await collect(events());
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

async function contextOf(sets: readonly string[], mode: RunContext["mode"] = "train"): Promise<RunContext> {
  const workdir = temporaryFolder();
  const [engine, signal] = [await loadEngine(), new AbortController().signal];
  return { name: "tiny", mode, preset: "quick", config: configOf(sets), workdir, cacheDir: workdir, engine, signal };
}

/** What a pipeline says of data that are not there. */
const missing = (pipeline: Pipeline) => async (sets: readonly string[]) => {
  const context = await contextOf(sets);
  return { refusal: await refused(() => pipeline.run(context)) };
};
export const missingImages = missing(images);
export const missingImageNet = missing(imagenet32);

/** The lengths of the splits of prepared images that have none of their own. */
export async function preparedSplits(sets: readonly string[]): Promise<Seen> {
  const path = await prepared("--format", "folder", "--from", pngFolder(8, 4));
  const { train, test } = await preparedImages(path, await contextOf(sets), () => {});
  for (const split of [train, test]) split.close();
  return { lengths: text([train.length, test.length]) };
}

const WIDTH = 48;
const shape = [4, 4, 3] as const;
const pixels = (count: number, seed: number) =>
  Uint8Array.from(normal(count * WIDTH, seed), (x) => Math.min(Math.max(128 + 60 * x, 0), 255));
const data = loadedImages({ name: "noise", split: "train", shape, images: pixels(6, 1) });

/** Writes samples that can be measured. */
export async function samplesFile(): Promise<string> {
  const path = join(temporaryFolder(), "samples.npz");
  await writeNpz(path, { samples: { shape: [4, ...shape], data: pixels(4, 2) } });
  return path;
}

/** Writes a small Inception network. */
export async function inceptionFile(): Promise<string> {
  const path = join(temporaryFolder(), "graph.pb");
  writeFileSync(path, classifyImageGraph());
  return path;
}

/** Writes statistics of other images than the training's. */
export async function statisticsFile(): Promise<string> {
  const path = join(temporaryFolder(), "stats.npz");
  const pool3 = { name: "x", data: normal(6 * DIMS, 4), rows: 6, dims: DIMS };
  await writeStatistics(path, { statistics: await featureStatistics(pool3), pool3: undefined });
  return path;
}

/** The numbers to six digits: the last bits depend on how many images some processors take at once. */
const shown = (numbers: readonly unknown[]) =>
  JSON.stringify(numbers, (_, value: unknown) => (typeof value === "number" ? value.toPrecision(6) : value));

/** What is found of samples, or of those that a run would draw. */
export async function quality(sets: readonly string[]): Promise<Seen> {
  const { config, ...context } = await contextOf(sets);
  const measured = imageQuality({ ...context, config }, { state: { step: 3 } } as Session, data, loadSmall);
  let drawn = false;
  const draw: Parameters<typeof measured.of>[0] = () => ((drawn = true), EMPTY);
  const events = await collect(measured.of(draw));
  const steps = events.flatMap((event) => (event.type === "progress" ? [event.done] : []));
  const { fid, kid, inceptionScore } = measured.report ?? {};
  return { drawn: text(drawn), progress: text(steps), found: shown([fid, kid, inceptionScore]) };
}

/** Whether an evaluation wants a trained dequantizer. */
export async function wantedDequantizer(sets: readonly string[]): Promise<Seen> {
  const context = await contextOf(["model.numResBlocks=1", "eval.numImages=1", ...sets], "eval");
  const splits = { train: { ...data, length: 2 }, test: data };
  const network = ncsnpp(networkOf(context.config, [4, 4, 3]));
  const layout = layoutOf(network.parameters);
  const [parameters, m, v] = [initialParameters(layout, 1), new Float32Array(layout.length), new Float32Array(layout.length)]; // prettier-ignore
  const store = new CheckpointStore({ workdir: context.workdir, layout, config: {}, keep: 1 });
  await store.save("checkpoints", { step: 1, parameters, m, v, ema: parameters });
  const pipeline = imagePipeline({
    ...{ summary: "", reaches: "", presets: { quick: {}, paper: {}, paper_deep: {} }, train: () => EMPTY },
    ...{ load: async () => splits, model: () => ({ network }) },
  });
  return { refusal: (await refused(() => pipeline.run(context))).replace(context.workdir, "") };
}

/** What the engine is loaded with. */
export async function engineOptions(sets: readonly string[]): Promise<Seen> {
  let given: EngineOptions = {};
  const load = async (options: EngineOptions = {}) => {
    given = options;
    return engineNamed("tensorflow");
  };
  const argv = ["count", "--workdir", temporaryFolder(), ...sets.flatMap((set) => ["--set", set])];
  await commandLine(argv, { loadEngine: load });
  return { threads: text(given.threads ?? null), deterministic: text(given.deterministic ?? null) };
}

/** What a network with products is trained by and evaluated to. */
export async function products(sets: readonly string[]): Promise<Seen> {
  const precision = precisionsOf(configOf(sets));
  const model = ncsnpp({ ...TINY, attnResolutions: [] });
  const network = scoreNetwork(model, { reduceMean: true, compile: true, precision });
  const parameters = tf.tensor1d(initialParameters(network.layout, 1));
  const [weight, outputScale] = [Float32Array.of(1, 1), Float32Array.of(-1, -1)];
  const [perturbed, noise] = [normal(128, 1), normal(128, 2)];
  const inputs = { perturbed, noise, timeCondition: Float32Array.of(100, 900), outputScale, weight };
  const { gradient } = await network.lossAndGradient(parameters, inputs, [1, 2]);
  const seen = { gradient: text([...gradient.dataSync()]), losses: text(await network.losses(parameters, inputs)) };
  const score = network.scoreFunction(parameters, sde);
  const t = Float64Array.of(0.1, 0.9);
  const both = await score.scoreAndDivergence(perturbed, t, noise);
  const scores = { score: text(await score.score(perturbed, t)), divergence: text([...both.divergence]) };
  tf.dispose([gradient, parameters]);
  network.dispose();
  return { ...seen, ...scores };
}

/** What a run that would train with others is refused with. */
export async function exchange(sets: readonly string[]): Promise<Seen> {
  const context = await contextOf(sets);
  return {
    refusal: await refused(() => peersOf(context, {} as Trained).events.pipe(take(0))),
  };
}
