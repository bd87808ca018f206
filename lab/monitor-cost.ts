/**
 * Measures the cost of metrics, page and watchers for a run. Three runs with the same settings train in turns: one
 * without metrics, one with all of them and an open page, and one with many watchers besides (0 watchers: none): `node
 * scripts/run.mjs lab/monitor-cost.ts [rounds] [watchers] [steps a block] [pipeline] [starts]`.
 */
import { execFileSync, fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { table } from "../bench/tables.ts";
import { children, folder, program, startMonitor } from "./scratch.ts";
import type { Block, Told } from "./monitor-cost/trainer.ts";

const [rounds = 12, watchers = 1000, block = 25] = process.argv.slice(2, 5).map(Number);
const pipeline = process.argv[5] ?? "cifar10";
const starts = Number(process.argv[6] ?? 1);

/** One of the runs. */
class Trainer {
  readonly blocks: Block[] = [];
  url = "";
  served = "";
  readonly child: ChildProcess;
  readonly #lines;
  readonly #commands: number;

  constructor(name: string, ...settings: readonly string[]) {
    const fifo = join(folder, `${name}.fifo`);
    execFileSync("mkfifo", [fifo]);
    const argv = [fifo, String(block), pipeline, "--workdir", join(folder, name), "--steps", "1000000", ...settings];
    const child = spawn(process.execPath, [...process.execArgv, program("monitor-cost/trainer.ts"), ...argv], { stdio: ["ignore", "pipe", "inherit"] }); // prettier-ignore
    children.add(child);
    this.child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#commands = openSync(fifo, "w");
  }

  /** Waits for the block that it is at; undefined for the first step, which compiles. */
  async #done(): Promise<Block | undefined> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done) throw new Error("the run has ended");
      const told = JSON.parse(line.value) as Told;
      if ("block" in told) return told.block ?? undefined;
      Object.assign(this, told);
    }
  }

  start = () => this.#done();

  async train(counts: boolean): Promise<void> {
    writeSync(this.#commands, "x");
    const done = await this.#done();
    if (counts) this.blocks.push(done!);
  }
}

const off = ["training.logEvery=1000000", "training.histogramEvery=0", "training.checkpointEvery=1000000"];
const on = [`training.logEvery=${block}`, `training.histogramEvery=${16 * block}`, "training.checkpointEvery=1000000"];
const set = (settings: readonly string[]) => settings.flatMap((setting) => ["--set", setting]);
const serving = ["--monitor", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
const names = ["none", "metrics", ...(watchers > 0 ? ["watched"] : [])];

const { address } = await startMonitor("127.0.0.1:0", join(folder, "monitor"));
const settings = (name: string) => (name === "none" ? set(off) : [...set(on), ...serving, "--metrics-push", address]);

/** Processes differ from one another by a per cent, whatever they do; several starts even that out. */
async function measure(start: number): Promise<Record<string, readonly Block[]>> {
  const runs: Record<string, Trainer> = {};
  for (const name of start % 2 ? names.toReversed() : names) {
    runs[name] = new Trainer(`${name}-${start}`, ...settings(name));
    await runs[name].start();
  }
  const watching = names.slice(1).map((name) => {
    const { served, url } = runs[name]!;
    const child = fork(program("monitor-cost/watchers.ts"), [served, url, String(name === "watched" ? watchers : 1), "1"]); // prettier-ignore
    children.add(child);
    return [name, child] as const;
  });
  for (let round = -1; round < rounds; round++) {
    // Turned and mirrored, so that none is always before another.
    const order = names.map((_, i) => names[(i + Math.floor(Math.abs(round) / 2)) % names.length]!);
    for (const name of round % 2 === 0 ? order : order.reverse()) await runs[name]!.train(round >= 0);
    console.error(`start ${start + 1} of ${starts}, round ${round + 1} of ${rounds}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 2000));
  for (const [name, child] of watching) {
    child.send("tell");
    console.log(`watchers of ${name}: ${JSON.stringify((await once(child, "message"))[0])}`);
  }
  for (const { child } of Object.values(runs)) child.kill("SIGKILL");
  return Object.fromEntries(Object.entries(runs).map(([name, { blocks }]) => [name, blocks]));
}

const measured: Record<string, readonly Block[]>[] = [];
for (let start = 0; start < starts; start++) measured.push(await measure(start));

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** The mean and its standard error, in per cent. */
function percent(values: readonly number[]): string {
  const error = Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / (values.length - 1));
  return `${(100 * mean(values)).toFixed(2)}% ± ${(100 * error).toFixed(2)}`;
}
/** What pairs of blocks with and without metrics differ by, as a share of `whole`. */
const more = (name: string, key: keyof Block, whole: keyof Block) =>
  percent(measured.flatMap((runs) => runs[name]!.map((each, i) => (each[key] - runs["none"]![i]![key]) / runs["none"]![i]![whole]))); // prettier-ignore
const perStep = (name: string, key: keyof Block) =>
  `${((1000 * mean(measured.flatMap((runs) => runs[name]!.map((each) => each[key])))) / block).toFixed(1)} ms`;
const columns = [
  ["wall", "wall"],
  ["cpu", "cpu"],
  ["beside", "wall"],
] as const;
const rows = names.map((name) => [name, ...columns.flatMap(([key, whole]) => [perStep(name, key), name === "none" ? "" : more(name, key, whole)])]); // prettier-ignore
console.log(`${pipeline}, ${starts} starts of ${rounds} pairs of ${block} steps, a log step in each block; ${watchers} watchers`); // prettier-ignore
console.log(table(["run", "wall", "more", "CPU, all threads", "more", "CPU beside the threads that compute", "more, of the wall time"], rows)); // prettier-ignore
for (const name of names.slice(1)) {
  const means = measured.map((runs) => mean(runs[name]!.map((each, i) => each.wall / runs["none"]![i]!.wall - 1)));
  console.log(`${name}, more wall time in each start: ${means.map((value) => `${(100 * value).toFixed(2)}%`).join(", ")}; mean ${percent(means)}`); // prettier-ignore
}
process.exit(0);
