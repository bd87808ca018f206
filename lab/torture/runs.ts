/** The small runs that are killed, damaged and starved, and what they begin with. */
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../exchange-fuzz/random.ts";
import { DATA, MAIN, newFolder, runProgram, type Program } from "./program.ts";

export const set = (...settings: string[]): string[] => settings.flatMap((setting) => ["--set", setting]);
const small = set(
  ...["engine.threads=1", "eval.numImages=4", "eval.batchSize=2", "eval.boundTimes=2", "eval.rtol=1e-1"],
  ...["eval.atol=1e-1", "sampling.rtol=1e-1", "sampling.atol=1e-1"],
);

/** Arguments of a run of vectors, without steps between checkpoints. */
export const gaussianBase: readonly string[] = ["gaussian", "--steps", "20", "--json", ...small, ...set("training.batchSize=64", "sampling.numSamples=4")]; // prettier-ignore

/** The same with log steps between checkpoints, and checkpoints between log steps. */
export const gaussianRun: readonly string[] = [...gaussianBase, ...set("training.checkpointEvery=5", "training.logEvery=3")]; // prettier-ignore

/** Arguments of a run of images, without its steps. */
export const imagesRun = (data: string): readonly string[] => [
  ...["images", "--json", ...small],
  ...set(`data.path=${data}`, "training.batchSize=4", "model.nf=4", "model.chMult=1,1", "sampling.numSamples=5"),
  ...set("training.checkpointEvery=2", "training.logEvery=2", "dequantizer.batchSize=4", "dequantizer.filters=4"),
  ...set("dequantizer.components=2", "dequantizer.blocks=1", "dequantizer.heads=1"),
];

/** Random images, [900, 32, 32, 3], as NumPy writes them: three shards of 1 MiB. */
function imageArray(): Buffer {
  const shape = [900, 32, 32, 3];
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117) + "\n";
  const head = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text), randomOf(7).bytes(shape.reduce((a, b) => a * b))]);
}

/** Prepares an array of images. */
export const prepareArrays = (from: string, out: string): Program => ({
  file: DATA,
  argv: ["prepare", "--format", "arrays", "--from", from, "--out", out, "--shard-size", "1", "--json"],
});

async function succeed(program: Program): Promise<void> {
  const { code, stderr } = await runProgram(program);
  if (code !== 0) throw new Error(`a run before the faults ended with ${code}:\n${stderr}`);
}

/** Folders that several cases begin with, made once. */
const made = new Map<string, Promise<string>>();
function once(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const found = made.get(name);
  if (found) return found;
  const folder = newFolder();
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const ready = make(folder).then(() => folder);
  made.set(name, ready);
  return ready;
}

/** The path of a file of images. */
export const imageFile = async (): Promise<string> =>
  join(await once("sources", async (folder) => writeFileSync(join(folder, "images.npy"), imageArray())), "images.npy");

/** The path of prepared data. */
export const preparedData = async (): Promise<string> =>
  join(await once("prepared", async (folder) => succeed(prepareArrays(await imageFile(), join(folder, "data")))), "data"); // prettier-ignore

/** The workdir of a run that has come to its end. */
export async function finished(name: "gaussian" | "images"): Promise<string> {
  const argv = name === "gaussian" ? gaussianRun : [...imagesRun(await preparedData()), "--steps", "3"];
  const folder = await once(name, (made) => succeed({ file: MAIN, argv: [...argv, "--workdir", join(made, "run")] }));
  return join(folder, "run");
}

/** Copies a workdir that was trained, without what came after training. */
export async function trained(name: "gaussian" | "images", folder: string): Promise<void> {
  cpSync(await finished(name), folder, { recursive: true });
  for (const part of ["eval", "samples", "metrics.jsonl"]) rmSync(join(folder, part), { recursive: true, force: true });
}
