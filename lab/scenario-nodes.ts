/** Nodes of the scenarios with real processes: how they are started, and how they should end. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { addressOf, startProcess, type End, type NodeProcess } from "./node-processes.ts";

/** Seconds, exchange.deadlineSeconds. */
export const D = 2;
export const STEPS = 800;

const deadline = (seconds: number) => ["--set", `exchange.deadlineSeconds=${seconds}`];
let count = 0;
export const fresh = (name: string) => `${name}-${count++}`;

export interface More {
  readonly options?: readonly string[];
  readonly steps?: number;
  readonly deadline?: number;
}

export const start = (
  name: string,
  options: readonly string[],
  { steps = STEPS, deadline: seconds = D, ...more }: More = {},
) => startProcess({ name, steps, options: [...deadline(seconds), ...options, ...(more.options ?? [])] });
export const first = (name: string, world: number, more?: More) =>
  start(name, ["--listen", "127.0.0.1:0", "--world", String(world)], more);
export const joining = (name: string, address: string, more?: More) => start(name, ["--join", address], more);

export const checkpoints = (workdir: string) => {
  const folders = ["checkpoints", "checkpoints-meta"].map((name) => join(workdir, name));
  const files = folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return files.flatMap((file) => Number(/^checkpoint_(\d+)/.exec(file)?.[1] ?? -1)).filter((step) => step >= 0);
};

/** The step that a node said it has saved, as the first node was gone. */
export const savedBy = ({ told }: NodeProcess) =>
  Number(/the state after ([\d,]+) steps was saved/.exec(told())?.[1] ?? 0);

/** Waits for all, and describes how they ended. */
export async function ends(nodes: readonly NodeProcess[]): Promise<End[]> {
  return Promise.all(nodes.map(({ ended }) => ended));
}
export const codes = (all: readonly End[]) => all.map(({ how }) => how).join(", ");
export const time = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const begun = performance.now();
  return [await work(), (performance.now() - begun) / 1000];
};

export interface Outcome {
  readonly text: string;
  readonly good: boolean;
}

let alone: Promise<End> | undefined;
const whole = async () => (await (alone ??= startProcess({ name: "alone", steps: STEPS }).ended)).parameters;

/** Judges nodes that should have come to the last step. */
export async function complete(nodes: readonly NodeProcess[], what = ""): Promise<Outcome> {
  const [all, expected] = [await ends(nodes), await whole()];
  const same = all.every(({ parameters }) => parameters === expected && parameters !== "");
  const good = same && all.every(({ how }) => how === 0);
  const seconds = Math.max(...all.map(({ seconds }) => seconds)).toFixed(0);
  if (!good) for (const node of nodes) console.error(`--- ${node.name}\n${node.told()}`);
  return { good, text: `exit codes ${codes(all)} after ${seconds} s; ${same ? "the" : "OTHER"} parameters of one node${what}` }; // prettier-ignore
}

export async function both(): Promise<{ one: NodeProcess; two: NodeProcess; address: string }> {
  const one = first(fresh("first"), 2);
  const address = await addressOf(one);
  const two = joining(fresh("second"), address);
  await one.reaches(40);
  return { one, two, address };
}
