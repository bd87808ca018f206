/**
 * Attacks the nodes of a real run with what no node would send, and watches their memory:
 * `node scripts/run.mjs lab/exchange-fuzz.ts [seconds] [seed] [attack]`, default 600 s and all attacks.
 *
 * At the end the nodes are stopped, and their parameters must be those of one node alone after as many steps.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { anyAttack, attacks } from "./exchange-fuzz/attacks.ts";
import { randomOf } from "./exchange-fuzz/random.ts";
import type { Target } from "./exchange-fuzz/target.ts";
import { children, folder, program } from "./scratch.ts";

const seconds = Number(process.argv[2] ?? 600);
const seed = Number(process.argv[3] ?? 1);
const only = attacks.find(({ name }) => name === process.argv[4]);
/** Attacks at a time. */
const ATTACKERS = 6;
/** ms between two looks at the nodes. */
const EVERY = 10_000;
/** ms for the nodes to let go of connections that were left open. */
const LINGER = 130_000;

const run = { shards: 4, shardSize: 16, parameters: 21_904, bfloat16: false };
const settings = [
  ...["training.shards=4", "training.batchSize=64", "training.logEvery=200", "training.checkpointEvery=1000000"],
  ...["exchange.deadlineSeconds=2", "engine.threads=1", "eval.numImages=4", "eval.boundTimes=2", "eval.rtol=1e-1"],
  ...["eval.atol=1e-1", "sampling.numSamples=2"],
].flatMap((setting) => ["--set", setting]);

function start(name: string, ...options: string[]) {
  const argv = ["gaussian", "--workdir", join(folder, name), "--json", ...settings, ...options];
  const node = [...process.execArgv, program("../src/cli/main.ts"), ...argv];
  const child = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (output.stdout += text));
  child.stderr.on("data", (text) => (output.stderr = (output.stderr + text).slice(-1_000_000)));
  children.add(child);
  return { name, child, output };
}

type Node = ReturnType<typeof start>;
const running = ({ child }: { child: ChildProcess }) => child.exitCode === null && child.signalCode === null;

async function resultOf({ name, child, output }: Node, code: number) {
  if (running({ child })) await once(child, "close");
  if (child.exitCode !== code) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}\n${output.stderr}`); // prettier-ignore
  return JSON.parse(output.stdout.trimEnd().split("\n").at(-1)!) as { readonly steps: number; readonly parameters: string }; // prettier-ignore
}

/** Memory in MB, and open files. */
function usage({ name, child, output }: Node) {
  if (!running({ child }))
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}\n${output.stderr}`);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]);
  return { rss: rss / 1000, files: readdirSync(`/proc/${child.pid}/fd`).length };
}

const first = start("first", "--steps", "5000000", "--listen", "127.0.0.1:0", "--world", "2");
const addressIn = (node: Node, pattern: RegExp) => pattern.exec(node.output.stderr)?.slice(1);
let listening;
while (running(first) && !(listening = addressIn(first, /--join ([\d.]+):(\d+)/))) await delay(20);
const second = start("second", "--steps", "5000000", "--join", listening!.join(":"));
let peer;
while (running(second) && !(peer = addressIn(second, /reach this node at ([\d.]+):(\d+)/))) await delay(20);
const nodes = [first, second];
const stepOf = ({ output }: Node) => Number([...output.stderr.matchAll(/training: (\d+)\//g)].at(-1)?.[1] ?? 0);
while (nodes.every(running) && stepOf(first) < 1000) await delay(100);

const config = JSON.stringify({ pipeline: "gaussian", ...(JSON.parse(readFileSync(join(folder, "first/config.json"), "utf8")) as object) }); // prettier-ignore
const seen = { runId: "", view: 1, step: 0 };
const targets: Target[] = [listening!, peer!].map(([host, port]) => ({
  ...{ host: host!, port: Number(port), hello: { config, parameters: run.parameters }, seen, run },
}));

const outcomes = new Map<string, Map<string, number>>();
const until = performance.now() + 1000 * seconds;
async function attacker(index: number): Promise<void> {
  const random = randomOf(seed * ATTACKERS + index);
  while (performance.now() < until && nodes.every(running)) {
    const { name, run } = only ?? anyAttack(random);
    const outcome = await run(random.of(targets), random);
    const counts = outcomes.get(name) ?? new Map<string, number>();
    outcomes.set(name, counts.set(outcome, (counts.get(outcome) ?? 0) + 1));
  }
}

const rows: ReturnType<typeof usage>[][] = [];
async function watch(): Promise<void> {
  const start = performance.now();
  for (;;) {
    rows.push(nodes.map(usage));
    const text = rows.at(-1)!.map(({ rss, files }) => `${rss.toFixed(0)} MB, ${files} files`);
    console.log(`${((performance.now() - start) / 1000).toFixed(0)} s: ${text.join("; ")}; step ${stepOf(first)}`);
    if (performance.now() + EVERY > until || !nodes.every(running)) return;
    await delay(EVERY);
  }
}

await Promise.all([watch(), ...Array.from({ length: ATTACKERS }, (_, index) => attacker(index))]);
// Connections that say nothing more are given up after a minute without an answer to the ping of the first.
await delay(LINGER);
const last = nodes.map(usage);
console.log(
  `${LINGER / 1000} s after it: ${last.map(({ rss, files }) => `${rss.toFixed(0)} MB, ${files} files`).join("; ")}`,
);

const stopped = [];
for (const node of [second, first]) {
  node.child.kill("SIGTERM");
  stopped.push(await resultOf(node, 143));
}
console.log("| attack | times | how it ended |\n| --- | ---: | --- |");
let total = 0;
for (const [name, counts] of [...outcomes].sort()) {
  const times = [...counts.values()].reduce((a, b) => a + b);
  total += times;
  console.log(`| ${name} | ${times} | ${[...counts].map(([how, n]) => `${how}: ${n}`).join(", ")} |`);
}
const refusals = nodes.map(({ output }) => output.stderr.split("\n").filter((line) => line.includes("was refused")).length); // prettier-ignore
console.log(`${total} attacks; lines of refusals in the logs: ${refusals.join(", ")}`);

const quarter = Math.max(1, Math.floor(rows.length / 4));
const mean = (part: typeof rows, node: number) => part.reduce((sum, row) => sum + row[node]!.rss, 0) / part.length;
const grown = nodes.map((_, node) => mean(rows.slice(-quarter), node) / mean(rows.slice(quarter, 2 * quarter), node));
const left = nodes.map((_, node) => last[node]!.files - rows[0]![node]!.files);
console.log(`memory of the last quarter to that of the second: ${grown.map((ratio) => ratio.toFixed(3)).join(", ")}; files more than before: ${left.join(", ")}`); // prettier-ignore

const { steps, parameters } = stopped[1]!;
const alone = await resultOf(start("alone", "--steps", String(steps)), 0);
const same = alone.parameters === parameters;
console.log(`after ${steps} steps: ${same ? "the parameters of one node alone" : `OTHER parameters: ${parameters}, alone ${alone.parameters}`}`); // prettier-ignore
process.exit(same && grown.every((ratio) => ratio < 1.1) && left.every((count) => count < 20) ? 0 : 1);
