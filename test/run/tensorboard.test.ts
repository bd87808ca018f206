/** The event files of a run, through the command line. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concat, of, throwError } from "rxjs";
import { expect, it } from "vitest";
import { RunError } from "../../src/base/errors.ts";
import type { RunContext, RunEvent } from "../../src/run/pipeline.ts";
import { pngGrid } from "../../src/data/formats/png-grid.ts";
import { loadEvents } from "../monitor/tensorboard/fixture.ts";
import { pipeline, temporaryFolder } from "../cli/fixture.ts";

const png = Buffer.from(pngGrid(new Uint8Array(4 * 4 * 3).fill(7), [4, 4, 3]));

const losses = (prefix: string, ...steps: number[]) =>
  steps.map((step): RunEvent => ({ type: "metric", name: `${prefix}/loss`, step, value: step / 8, unit: "1" }));

/** Trains from `from`, and ends with samples. */
const training =
  (from: number, ...steps: number[]) =>
  ({ workdir }: RunContext) => {
    const samples = join(workdir, "samples.png");
    writeFileSync(samples, png);
    return of<RunEvent[]>(
      { type: "rewind", step: from, training: "train" },
      { type: "result", values: { resumedFrom: from } },
      ...losses("train", ...steps),
      { type: "result", values: { steps: steps.at(-1)! } },
      { type: "result", values: { samples } },
    );
  };

const argv = (workdir: string, ...more: string[]) => ["count", "--workdir", workdir, ...more];

const series = (folder: string, tag: string) =>
  loadEvents(folder).scalars[tag]!.map(([step, , value]) => [step, value]);

it("has metrics, samples and the configuration, and goes on in a new file", { timeout: 120_000 }, async () => {
  const workdir = temporaryFolder();
  const folder = join(workdir, "tensorboard");
  expect((await pipeline(argv(workdir), { run: training(0, 10, 20, 30) })).exitCode).toBe(0);
  // Killed after the checkpoint of step 20, say.
  expect((await pipeline(argv(workdir), { run: training(20, 30, 40) })).exitCode).toBe(0);
  // An evaluation takes nothing back.
  const evaluation = () => of<RunEvent>({ type: "metric", name: "eval/bpd", step: 40, value: 3.5, unit: "bits/dim" });
  expect((await pipeline(argv(workdir, "--mode", "eval"), { run: evaluation })).exitCode).toBe(0);
  expect(readdirSync(folder)).toHaveLength(3);

  const { scalars, images, hparams } = loadEvents(folder);
  expect(series(folder, "train/loss")).toEqual([10, 20, 30, 40].map((step) => [step, step / 8]));
  expect(scalars["eval/bpd"]!.map(([step, , value]) => [step, value])).toEqual([[40, 3.5]]);
  const lines = readFileSync(join(workdir, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const last = lines.filter((line) => line.includes('"name"')).at(-1)!;
  expect(scalars["eval/bpd"]![0]![1]).toBe(Date.parse((JSON.parse(last) as { time: string }).time) / 1000);
  // The samples of the first run at step 30 were taken back.
  expect(images).toEqual({ samples: [[40, 8, 8, png.toString("hex")]] });
  expect(hparams[0]).toMatchObject({
    pipeline: "count",
    preset: "quick",
    sde: "vp",
    "training.steps": 3,
    "training.likelihoodWeighting": false,
    "optim.lr": 1e-3,
    "model.chMult": "1,2",
    "model.attnResolutions": "",
  });
  expect(hparams[0]).not.toHaveProperty("data.path");
});

it("keeps what there was where the machine is read before the step is known", { timeout: 120_000 }, async () => {
  const workdir = temporaryFolder();
  // Loading data may take longer than the time between two readings.
  const reading = (value: number) => of<RunEvent>({ type: "metric", name: "machine/cpu", step: 0, value, unit: "1" });
  const first = (context: RunContext) => concat(reading(0.25), training(0, 10, 20, 30)(context));
  const second = (context: RunContext) => concat(reading(0.5), training(20, 30, 40)(context));
  for (const run of [first, second]) expect((await pipeline(argv(workdir), { run })).exitCode).toBe(0);
  expect(series(join(workdir, "tensorboard"), "train/loss")).toEqual([10, 20, 30, 40].map((step) => [step, step / 8]));
});

it("tells how it has ended; a failure until it goes on", { timeout: 120_000 }, async () => {
  const workdir = temporaryFolder();
  const folder = join(workdir, "tensorboard");
  const ends = () => loadEvents(folder).ends.map(([status]) => status);
  const failing = (context: RunContext) =>
    concat(
      training(0, 10)(context),
      throwError(() => new RunError("no luck")),
    );
  expect((await pipeline(argv(workdir), { run: failing })).exitCode).toBe(1);
  expect(ends()).toEqual(["STATUS_FAILURE"]);
  const before = Date.now() / 1000;
  expect((await pipeline(argv(workdir), { run: training(10, 20) })).exitCode).toBe(0);
  const { ends: last, hparams } = loadEvents(folder);
  expect(last).toEqual([["STATUS_SUCCESS", expect.any(Number)]]);
  expect(last[0]![1]).toBeGreaterThanOrEqual(before);
  expect(hparams).toHaveLength(1);
});

it("keeps the dequantizer's training, with its own steps, apart", { timeout: 120_000 }, async () => {
  const workdir = temporaryFolder();
  await pipeline(argv(workdir), { run: training(0, 10) });
  await pipeline(argv(workdir, "--mode", "train_deq"), { run: () => of(...losses("deq", 1, 2)) });
  expect(series(join(workdir, "tensorboard", "flowpp_dequantizer"), "deq/loss")).toEqual([[1, 0.125], [2, 0.25]]); // prettier-ignore
  expect(series(join(workdir, "tensorboard"), "train/loss")).toEqual([[10, 1.25]]);
});

it("makes no file for a run that has nothing to show", async () => {
  const workdir = temporaryFolder();
  const result = () => of<RunEvent>({ type: "result", values: { samples: join(workdir, "samples.arrow") } });
  expect((await pipeline(argv(workdir), { run: result })).exitCode).toBe(0);
  expect(existsSync(join(workdir, "tensorboard"))).toBe(false);
});

it("fails the run when its folder cannot be made", async () => {
  const workdir = temporaryFolder();
  writeFileSync(join(workdir, "tensorboard"), "");
  const ran = await pipeline(argv(workdir), { run: training(0, 10) });
  expect(ran.exitCode).toBe(1);
  expect(ran.stderr).toMatch(/error: EEXIST: file already exists, mkdir '\S+tensorboard'/);
});
