/**
 * Kills nodes of a run at random and lets others join, and compares the parameters with those of one node alone:
 * `node scripts/run.mjs lab/exchange-kills.ts [kills] [seed]`, default 20 kills.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { children, folder, program, randomFrom } from "./scratch.ts";

const main = program("../src/cli/main.ts");
const kills = Number(process.argv[2] ?? 20);
const random = randomFrom(Number(process.argv[3] ?? 1));
/** Nodes at a time, the one that listens among them. */
const NODES = 3;

/** Seconds that a kill and the next node's joining are given, at the speed of one node that has the machine for itself. */
const PACE = 3;
const settings = [
  ...["training.shards=4", "training.batchSize=64", "eval.numImages=4", "eval.boundTimes=2", "eval.rtol=1e-1"],
  ...["eval.atol=1e-1", "sampling.numSamples=2", "exchange.deadlineSeconds=30", "engine.threads=1"],
].flatMap((setting) => ["--set", setting]);

interface Node {
  readonly name: string;
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
}

let started = 0;
function start(steps: number, ...options: string[]): Node {
  const name = `n${started++}`;
  const workdir = join(folder, name);
  const argv = ["gaussian", "--steps", String(steps), "--workdir", workdir, "--json", ...settings, ...options];
  const child = spawn(process.execPath, [...process.execArgv, main, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (output.stdout += text));
  child.stderr.on("data", (text) => (output.stderr += text));
  children.add(child);
  return { name, child, output };
}

const running = ({ child }: Node) => child.exitCode === null && child.signalCode === null;
const stepOf = ({ output }: Node) => Number([...output.stderr.matchAll(/training: (\d+)\//g)].at(-1)?.[1] ?? 0);

const takesPart = ({ output }: Node) => output.stderr.includes("was taken over");

async function resultOf(node: Node) {
  if (running(node)) await once(node.child, "close");
  const line = node.output.stdout.trimEnd().split("\n").at(-1) ?? "";
  if (node.child.exitCode !== 0)
    throw new Error(`${node.name} ended with ${node.child.exitCode}\n${node.output.stderr}`);
  return JSON.parse(line) as { readonly parameters: string; readonly secondsPerStep: number };
}

const { secondsPerStep } = await resultOf(start(300));
const steps = Math.ceil((PACE * (kills + 2)) / secondsPerStep);
const { parameters: whole } = await resultOf(start(steps));
console.log(`alone: ${steps} steps, parameters ${whole.slice(0, 16)}`);

const first = start(steps, "--listen", "127.0.0.1:0", "--world", String(NODES));
let address: string | undefined;
while (!(address = /--join (\S+)/.exec(first.output.stderr)?.[1])) await delay(20);
const nodes: Node[] = [];
const fill = () => {
  while (nodes.length < NODES - 1) nodes.push(start(steps, "--join", address));
};
fill();
let killed = 0;
while (running(first) && killed < kills) {
  const index = Math.floor(random() * nodes.length);
  // One in four as it comes, while it starts or joins; the others once they take part.
  const soon = random() < 0.25;
  while (running(first) && !soon && !takesPart(nodes[index]!)) await delay(20);
  await delay(random() * 1500);
  const at = stepOf(first);
  if (at === 0 || !running(first)) continue;
  const [victim] = nodes.splice(index, 1) as [Node];
  const did = takesPart(victim) ? "took part" : "had not joined yet";
  victim.child.kill("SIGKILL");
  killed++;
  console.log(`kill ${killed}: ${victim.name}, which ${did}, at step ${at} of node 0`);
  fill();
}
const results = (await Promise.all([first, ...nodes].map(resultOf))).map(({ parameters }) => parameters);
const same = results.every((parameters) => parameters === whole);
console.log(`${killed} kills, ${started - 1} nodes in all, ${results.length} at the end: ${same ? "the same parameters" : `OTHER parameters: ${results.join(", ")}`}`); // prettier-ignore
process.exit(same && killed === kills ? 0 : 1);
