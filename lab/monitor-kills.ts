/**
 * Kills a monitor at random (SIGKILL) and starts it again while runs push to it, and compares what it has with what the
 * runs recorded: `node scripts/run.mjs lab/monitor-kills.ts [kills] [runs] [seed]`, default 5 kills, 2 runs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { children, folder, program, randomFrom, startMonitor } from "./scratch.ts";

const [kills = 5, runs = 2] = process.argv.slice(2, 4).map(Number);
const random = randomFrom(Number(process.argv[4] ?? 1));
const archive = join(folder, "archive");

/** Trains until it is told to stop, and writes a step's metrics many times a second. */
function startRun(name: string, address: string) {
  const settings = ["training.logEvery=2", "engine.threads=1"].flatMap((setting) => ["--set", setting]);
  const workdir = join(folder, name);
  const argv = ["gaussian", "--workdir", workdir, "--metrics-push", address, "--steps", "1000000", ...settings];
  const child = spawn(process.execPath, [...process.execArgv, program("../src/cli/main.ts"), ...argv], { stdio: ["ignore", "ignore", "pipe"] }); // prettier-ignore
  children.add(child);
  let said = "";
  child.stderr.on("data", (text) => (said += String(text)));
  return { workdir, child, said: () => said };
}

let monitor = await startMonitor("127.0.0.1:0", archive);
const { address } = monitor;
const started = Array.from({ length: runs }, (_, i) => startRun(`run-${i}`, address));
const lines = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);
const names = () => readdirSync(archive).filter((name) => name.endsWith(".jsonl"));
while (names().length < runs) await delay(100);
for (let kill = 1; kill <= kills; kill++) {
  await delay(1500 + 3000 * random());
  monitor.child.kill("SIGKILL");
  await once(monitor.child, "exit");
  const stored = names().reduce((n, name) => n + lines(join(archive, name)).length, 0);
  await delay(3000 * random());
  monitor = await startMonitor(address, archive);
  console.error(`kill ${kill} of ${kills}: ${stored} metrics were stored`);
}
await delay(3000);
for (const { child } of started) child.kill("SIGTERM");
await Promise.all(started.map(({ child }) => once(child, "exit")));
monitor.child.kill("SIGTERM");
await once(monitor.child, "exit");

interface Stored {
  readonly node: string;
  readonly sequence: number;
  readonly name: string;
  readonly step: number;
  readonly value: number | null;
}
let wrong = 0;
for (const { workdir, said } of started) {
  const run = readFileSync(join(workdir, "run-id"), "utf8").trim();
  const recorded = lines(join(workdir, "metrics.jsonl")).map((line) => JSON.parse(line) as Stored);
  const stored = lines(join(archive, `${run}.jsonl`)).map((line) => JSON.parse(line) as Stored);
  const places = new Set(stored.map(({ node, sequence }) => `${run} ${node} ${sequence}`));
  const same = recorded.filter((metric, i) => {
    const other = stored[i];
    return other?.sequence === i + 1 && other.name === metric.name && other.step === metric.step && other.value === metric.value; // prettier-ignore
  });
  const gone = said().match(/does not take metrics/g)?.length ?? 0;
  console.log(`${run}: ${recorded.length} recorded, ${stored.length} stored, ${places.size} places (run, node, sequence), ${same.length} equal; told ${gone} times that the monitor is away`); // prettier-ignore
  if (![stored.length, places.size, same.length].every((count) => count === recorded.length)) wrong++;
}
console.log(wrong === 0 ? "no metric is lost or doubled" : `${wrong} runs differ`);
process.exit(wrong === 0 ? 0 : 1);
