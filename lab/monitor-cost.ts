/**
 * Measures the cost of metrics, page and watchers for a run. Three runs with the same settings train in turns: one
 * without metrics, one with all of them and an open page, and one with many watchers besides (0 watchers: none): `node
 * scripts/run.mjs lab/monitor-cost.ts [rounds] [watchers] [steps a block] [pipeline]`.
 */
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { spread } from "../bench/statistics.ts";
import { table } from "../bench/tables.ts";
import { children, folder, program, startMonitor } from "./scratch.ts";
import type { Block, Told } from "./monitor-cost/trainer.ts";

const [rounds = 12, watchers = 1000, block = 25] = process.argv.slice(2, 5).map(Number);
const pipeline = process.argv[5] ?? "cifar10";

/** One of the runs. */
class Trainer {
  readonly blocks: Block[] = [];
  url = "";
  served = "";
  readonly #lines;
  readonly #commands: number;

  constructor(name: string, ...settings: readonly string[]) {
    const fifo = join(folder, `${name}.fifo`);
    execFileSync("mkfifo", [fifo]);
    const argv = [fifo, String(block), pipeline, "--workdir", join(folder, name), "--steps", "1000000", ...settings];
    const child = spawn(process.execPath, [...process.execArgv, program("monitor-cost/trainer.ts"), ...argv], { stdio: ["ignore", "pipe", "inherit"] }); // prettier-ignore
    children.add(child);
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

const { address } = await startMonitor("127.0.0.1:0", join(folder, "monitor"));
const push = ["--metrics-push", address];

const runs = { none: new Trainer("none", ...set(off)) } as Record<string, Trainer>;
await runs["none"]!.start();
for (const name of watchers > 0 ? ["metrics", "watched"] : ["metrics"]) {
  runs[name] = new Trainer(name, ...set(on), ...serving, ...push);
  await runs[name].start();
}
const watching = ([name, count]: readonly [string, number]) => {
  const child = fork(program("monitor-cost/watchers.ts"), [runs[name]!.served, runs[name]!.url, String(count), "1"]); // prettier-ignore
  children.add(child);
  return [name, child] as const;
};
const watched = (
  [
    ["metrics", 1],
    ["watched", watchers],
  ] as const
)
  .filter(([name]) => runs[name])
  .map(watching);
const names = Object.keys(runs);
for (let round = -1; round < rounds; round++) {
  // Turned and mirrored, so that none is always before another.
  const order = names.map((_, i) => names[(i + Math.floor(Math.abs(round) / 2)) % names.length]!);
  for (const name of round % 2 === 0 ? order : order.reverse()) await runs[name]!.train(round >= 0);
  console.error(`round ${round + 1} of ${rounds}`);
}
await new Promise((resolve) => setTimeout(resolve, 2000));

const sum = (name: string, key: keyof Block) => runs[name]!.blocks.reduce((n, each) => n + each[key], 0);
const percent = (ratio: number) => `${(100 * (ratio - 1)).toFixed(2)}%`;
/** More than without metrics: of the sums, and of the pairs the median with the standard error of their mean. */
function more(name: string, key: keyof Block): string {
  const pairs = runs[name]!.blocks.map((each, i) => each[key] / runs["none"]!.blocks[i]![key]);
  const mean = pairs.reduce((a, b) => a + b, 0) / pairs.length;
  const error = Math.sqrt(pairs.reduce((a, b) => a + (b - mean) ** 2, 0) / (pairs.length - 1) / pairs.length);
  return `${percent(sum(name, key) / sum("none", key))} (median ${percent(spread(pairs).median)}, ± ${(100 * error).toFixed(2)})`;
}
const perStep = (name: string, key: keyof Block) => `${((1000 * sum(name, key)) / rounds / block).toFixed(1)} ms`;
const rows = names.map((name) => [name, ...(["wall", "cpu", "main"] as const).flatMap((key) => [perStep(name, key), name === "none" ? "" : more(name, key)])]); // prettier-ignore
console.log(`${pipeline}, ${rounds} rounds of ${block} steps, a log step in each block; ${sum(names.at(-1)!, "wall").toFixed(0)} s of training, ${watchers} watchers`); // prettier-ignore
console.log(table(["run", "wall", "more", "CPU, all threads", "more", "CPU, main thread", "more"], rows));
for (const [name, child] of watched) {
  child.send("tell");
  console.log(`watchers of ${name}: ${JSON.stringify((await once(child, "message"))[0])}`);
}
process.exit(0);
