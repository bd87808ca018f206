/** Real processes of a small run that trains together: start them, watch them, send them signals. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { children, folder, program } from "./scratch.ts";

/** A training of some seconds, with next to no evaluation. */
const settings = [
  ...["training.shards=4", "training.batchSize=64", "eval.numImages=4", "eval.boundTimes=2", "eval.rtol=1e-1"],
  ...["eval.atol=1e-1", "sampling.numSamples=2", "engine.threads=1", "exchange.verifyEvery=50"],
  ...["training.checkpointEvery=50"],
].flatMap((setting) => ["--set", setting]);

export interface Start {
  /** Of its workdir, too. */
  readonly name: string;
  readonly steps: number;
  /** Of the command line, besides steps and workdir. */
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Command before the program's, as `ip netns exec NAME`. */
  readonly inside?: readonly string[];
}

/** How a process ended: with a code, or by a signal. */
export interface End {
  readonly how: number | NodeJS.Signals;
  /** Since it was started. */
  readonly seconds: number;
  /** SHA-256; "": none. */
  readonly parameters: string;
}

export interface NodeProcess {
  readonly name: string;
  readonly workdir: string;
  readonly child: ChildProcess;
  readonly ended: Promise<End>;
  readonly told: () => string;
  readonly running: () => boolean;
  /** Updates applied, as it last told. */
  readonly step: () => number;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the match of what it tells. @throws Error where it ends before, or in `seconds`. */
  says(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>;
  /** Resolves once it has so many updates. */
  reaches(step: number, seconds?: number): Promise<unknown>;
}

export const workdirOf = (name: string): string => join(folder, name);

/** Starts a node. */
export function startProcess({ name, steps, options = [], env = {}, inside = [] }: Start): NodeProcess {
  const workdir = workdirOf(name);
  const argv = ["gaussian", "--steps", String(steps), "--workdir", workdir, "--json", ...settings, ...options];
  const [file, ...rest] = [...inside, process.execPath, ...process.execArgv, program("../src/cli/main.ts"), ...argv];
  const start = performance.now();
  const child = spawn(file!, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let [output, told] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
  children.add(child);
  const running = () => child.exitCode === null && child.signalCode === null;
  const ended = once(child, "close").then((): End => {
    children.delete(child);
    const line = /"parameters":"([0-9a-f]+)"/.exec(output)?.[1] ?? "";
    return { how: child.exitCode ?? child.signalCode!, seconds: (performance.now() - start) / 1000, parameters: line };
  });
  const step = () => stepsSaid(told).at(-1) ?? 0;
  const until = async <T>(found: () => T | null | false, what: string, seconds: number): Promise<T> => {
    const last = performance.now() + 1000 * seconds;
    for (;;) {
      const value = found();
      if (value) return value;
      if (!running() || performance.now() > last) throw new Error(`${name} did not ${what}:\n${told}`);
      await delay(10);
    }
  };
  return {
    ...{ name, workdir, child, ended, running, step, told: () => told },
    signal: (signal) => void child.kill(signal),
    says: (pattern, seconds = 120) => until(() => pattern.exec(told), `say ${pattern}`, seconds),
    reaches: (to, seconds = 120) => until(() => step() >= to, `reach step ${to}`, seconds),
  };
}

/** The steps that a node told, in order. */
export const stepsSaid = (text: string): number[] =>
  [...text.matchAll(/training: ([\d,]+)\//g)].map(([, step]) => Number(step!.replaceAll(",", "")));

/** Steps that were computed and had to be computed again, as far as all nodes say. */
export function lostSteps(log: readonly number[]): number {
  let [lost, high] = [0, 0];
  for (const step of log) {
    if (step < high - 10) [lost, high] = [lost + high - step, step];
    high = Math.max(high, step);
  }
  return lost;
}

/** The address that others join. */
export const addressOf = async (node: NodeProcess): Promise<string> => (await node.says(/others join with --join (\S+)/))[1]!; // prettier-ignore

/** Kills the process as a machine does that is switched off: its workdir stays, and no lock. */
export async function powerOff(node: NodeProcess): Promise<void> {
  node.signal("SIGKILL");
  await node.ended;
  rmSync(join(node.workdir, ".lock"), { force: true });
}
