/**
 * Trains `quick` of a pipeline with each part of "beyond the paper" alone and together, and writes docs/lab/ablation.md:
 *
 *   node scripts/run.mjs lab/ablation.ts --steps 2400 --seeds 3 --arms paper,velocity,together
 *
 * All arms of a seed train before the next seed begins, on the same images, batches and noise; evaluation has the same
 * images and noise too, so that differences are paired. Interrupted, the same command goes on. `--set key=value`,
 * repeatable, changes a setting of all arms, `--page FILE` writes elsewhere.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readProgress } from "../src/data/formats/read-progress.ts";
import { perImage, type Evaluated } from "../src/metrics/evaluated.ts";
import { average, standardError } from "../src/metrics/statistics.ts";
import { readSamples } from "../src/run/images/read-samples.ts";

/** Settings of each arm, whatever the preset says. */
const BASE = {
  "model.prediction": "noise",
  "training.importanceWeighting": "true",
  "training.velocityTimes": "false",
  "training.stratifiedTimes": "false",
};
const VELOCITY = { "model.prediction": "velocity" };
const TIMES = { "training.velocityTimes": "true", "training.importanceWeighting": "false" };
const STRATIFIED = { "training.stratifiedTimes": "true" };
const FEATURES = { "model.inputFeatures": "6,7" };
const ARMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  paper: {},
  velocity: VELOCITY,
  times: TIMES,
  stratified: STRATIFIED,
  features: FEATURES,
  "velocity-times": { ...VELOCITY, ...TIMES },
  together: { ...VELOCITY, ...TIMES, ...STRATIFIED },
  all: { ...VELOCITY, ...TIMES, ...STRATIFIED, ...FEATURES },
};

const { values: given } = parseArgs({
  options: {
    ...{ pipeline: { type: "string", default: "cifar10" }, folder: { type: "string", default: "runs/ablation" } },
    ...{ steps: { type: "string", default: "2400" }, seeds: { type: "string", default: "3" } },
    ...{ images: { type: "string", default: "128" }, samples: { type: "string", default: "64" } },
    ...{ arms: { type: "string", default: Object.keys(ARMS).join() } },
    ...{
      set: { type: "string", multiple: true, default: [] },
      page: { type: "string", default: "docs/lab/ablation.md" },
    },
  },
});
const [steps, seeds, images, samples] = [given.steps, given.seeds, given.images, given.samples].map((text) => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`ablation: ${text} is not a positive whole number`);
}) as [number, number, number, number];
const arms = given.arms.split(",");
const unknown = arms.find((arm) => !(arm in ARMS));
if (unknown !== undefined)
  throw new RangeError(`ablation: no arm ${unknown}; there are ${Object.keys(ARMS).join(", ")}`);

/** What was measured of one training. */
interface Cell {
  readonly arm: string;
  readonly seed: number;
  /** Of each image. */
  readonly bpd: readonly number[];
  readonly bound: readonly number[];
  readonly loss: readonly number[];
  /** Share of the samples of which more than half of the values are 0 or 255. */
  readonly clipped: number;
}

/** Runs the pipeline. @throws Error when it fails. */
function run(mode: "train" | "sample", workdir: string, arm: string, seed: number): void {
  const settings = {
    ...{ "optim.decaySteps": String(steps), "eval.numImages": String(images), "sampling.numSamples": String(samples) },
    ...BASE,
    ...ARMS[arm],
  };
  const sets = [...Object.entries(settings).map(([key, value]) => `${key}=${value}`), ...given.set];
  const argv = ["scripts/run.mjs", "src/cli/main.ts", given.pipeline, "--mode", mode, "--preset", "quick"];
  const rest = ["--workdir", workdir, "--seed", String(seed), "--steps", String(steps)];
  const options = { stdio: ["ignore", "inherit", "inherit"] as const };
  const { status, signal } = spawnSync(process.execPath, [...argv, ...rest, ...sets.flatMap((set) => ["--set", set])], {
    ...options,
    stdio: [...options.stdio],
  });
  if (status !== 0) throw new Error(`ablation: ${arm}, seed ${seed}: the run ended with ${status ?? signal}`);
}

/** The values of each image that an evaluation left. */
function valuesIn(workdir: string, name: string): number[] {
  const values = perImage(readProgress<Evaluated>(join(workdir, "eval", `${name}.jsonl`))?.entries ?? []);
  if (values.length === images) return values;
  throw new Error(`ablation: ${workdir} has ${name} of ${values.length} images, expected ${images}`);
}

async function measure(arm: string, seed: number): Promise<Cell> {
  const workdir = join(given.folder, `${arm}-${seed}`);
  run("train", workdir, arm, seed);
  run("sample", workdir, arm, seed);
  const samples = await readSamples(join(workdir, "samples", `samples_${steps}.npz`));
  const { length } = samples;
  const values = samples.load(Array.from({ length }, (_, i) => i));
  const size = values.length / length;
  const isClipped = (i: number) => {
    let extreme = 0;
    for (let at = i * size; at < (i + 1) * size; at++) extreme += Number(values[at] === 0 || values[at] === 255);
    return extreme > size / 2;
  };
  const clipped = Array.from({ length }, (_, i) => isClipped(i)).filter(Boolean).length / length;
  const [bpd, bound, loss] = ["bpd", "bound", "loss"].map((name) => valuesIn(workdir, name)) as number[][];
  return { arm, seed, bpd: bpd!, bound: bound!, loss: loss!, clipped };
}

mkdirSync(given.folder, { recursive: true });
const kept = join(given.folder, "results.jsonl");
const about = JSON.stringify({ pipeline: given.pipeline, steps, images, samples, set: given.set });
const lines = existsSync(kept) ? readFileSync(kept, "utf8").trim().split("\n") : [about];
if (lines[0] !== about) throw new Error(`ablation: ${kept} is of other settings: ${lines[0]}; use another --folder`);
if (!existsSync(kept)) writeFileSync(kept, `${about}\n`);
const cells = lines.slice(1).map((line) => JSON.parse(line) as Cell);
const cellOf = (arm: string, seed: number) => cells.find((cell) => cell.arm === arm && cell.seed === seed);

for (let seed = 1; seed <= seeds; seed++) {
  for (const arm of arms) {
    if (cellOf(arm, seed)) continue;
    const cell = await measure(arm, seed);
    cells.push(cell);
    appendFileSync(kept, `${JSON.stringify(cell)}\n`);
  }
}

const of = (arm: string) => Array.from({ length: seeds }, (_, i) => cellOf(arm, i + 1)!);
/** Mean over seeds with its standard error; of one seed, that over its values. */
function shown(perSeed: readonly (readonly number[])[], digits = 3): string {
  const means = perSeed.map(average);
  const error = standardError(perSeed.length > 1 ? means : perSeed[0]!);
  return `${average(means).toFixed(digits)}${Number.isFinite(error) ? ` ± ${error.toFixed(digits)}` : ""}`;
}
/** Standard deviation of the loss over images and times, in its mean. */
function variation(loss: readonly number[]): number {
  const mean = average(loss);
  return Math.sqrt(average(loss.map((value) => (value - mean) ** 2))) / mean;
}
const first = of(arms[0]!);
const paired = (key: "bpd" | "bound", arm: string) =>
  arm === arms[0]
    ? ""
    : shown(
        of(arm).map((cell, i) => cell[key].map((value, image) => value - first[i]![key][image]!)),
        4,
      );
const rows = arms.map((arm) => {
  const found = of(arm);
  const columns = [
    ...[shown(found.map(({ bpd }) => bpd)), paired("bpd", arm)],
    ...[shown(found.map(({ bound }) => bound)), paired("bound", arm)],
    shown(found.map(({ loss }) => [variation(loss)])),
    shown(
      found.map(({ clipped }) => [100 * clipped]),
      0,
    ),
  ];
  return `| ${arm} | ${columns.join(" | ")} |`;
});
const settings = arms.map((arm) => {
  const own = Object.entries(ARMS[arm]!).map(([key, value]) => `\`${key}=${value}\``);
  return `| ${arm} | ${own.join(", ") || "noise prediction, times by likelihood weighting"} |`;
});
const further = given.set.length ? ` with ${given.set.map((set) => `\`${set}\``).join(", ")}` : "";
writeFileSync(
  given.page,
  `# Beyond the paper: each part alone and together

\`node scripts/run.mjs lab/ablation.ts\` wrote this page: \`${given.pipeline}\`, preset \`quick\`${further}, ${steps} steps,
seeds 1 to ${seeds}, ${images} held-out images, ${samples} samples.

Arms of a seed have the same images, batches and noise. Differences are to the first arm, image by image, negative where an arm is
better. Errors are standard errors over seeds${seeds > 1 ? "" : "; of one seed, over images"}. The spread of the loss is its standard deviation over images, with one
time each, in units of its mean. A clipped sample has more than half of its values at 0 or 255.

| Arm | bits/dim by the ODE | difference | bound | difference | spread of the loss | clipped samples, % |
| --- | ------------------- | ---------- | ----- | ---------- | ------------------ | ------------------ |
${rows.join("\n")}

| Arm | Settings |
| --- | -------- |
${settings.join("\n")}
`,
);
