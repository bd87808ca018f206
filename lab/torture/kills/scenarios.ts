/** The runs that are killed: what lies there before, and the command. */
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../../exchange-fuzz/random.ts";
import { DATA, MAIN, newFolder, runProgram, type Program } from "../program.ts";

/** A run to be killed. */
export interface Scenario {
  readonly name: string;
  /** Puts what lies there before into a new folder. */
  readonly before?: (folder: string) => Promise<void>;
  readonly command: (folder: string) => Program;
}

const set = (...settings: string[]) => settings.flatMap((setting) => ["--set", setting]);
const small = set(
  ...["engine.threads=1", "eval.numImages=4", "eval.batchSize=2", "eval.boundTimes=2", "eval.rtol=1e-1"],
  ...["eval.atol=1e-1", "sampling.rtol=1e-1", "sampling.atol=1e-1"],
);
/** A log step between checkpoints, checkpoints between log steps. */
const gaussian = ["gaussian", "--steps", "20", "--json", ...small, ...set("training.batchSize=64", "sampling.numSamples=4")]; // prettier-ignore
const every = set("training.checkpointEvery=5", "training.logEvery=3");
const images = (data: string) => [
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

const prepare = (from: string, out: string): Program => ({
  file: DATA,
  argv: ["prepare", "--format", "arrays", "--from", from, "--out", out, "--shard-size", "1", "--json"],
});

async function succeed(program: Program): Promise<void> {
  const { code, stderr } = await runProgram(program);
  if (code !== 0) throw new Error(`a run before the kills ended with ${code}:\n${stderr}`);
}

/** Folders that several scenarios begin with, made once. */
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

const sources = () => once("sources", async (folder) => writeFileSync(join(folder, "images.npy"), imageArray()));
const prepared = () =>
  once("prepared", async (folder) => succeed(prepare(join(await sources(), "images.npy"), join(folder, "data"))));
const pathOf = async () => join(await prepared(), "data");

/** A trained workdir without what came after training. */
async function trained(name: string, argv: readonly string[], folder: string): Promise<void> {
  const whole = await once(name, async (made) =>
    succeed({ file: MAIN, argv: [...argv, "--workdir", join(made, "run")] }),
  );
  cpSync(join(whole, "run"), folder, { recursive: true });
  for (const part of ["eval", "samples", "metrics.jsonl"]) rmSync(join(folder, part), { recursive: true, force: true });
}

/** The scenarios; their data are prepared by then. */
export async function scenarios(): Promise<Scenario[]> {
  const [source, path] = [join(await sources(), "images.npy"), await pathOf()];
  const run = (argv: readonly string[], ...more: string[]) => (folder: string): Program => ({
    file: MAIN,
    argv: [...argv, ...more, "--workdir", folder],
  }); // prettier-ignore
  const trainedImages = (folder: string) => trained("images", [...images(path), "--steps", "3"], folder);
  return [
    { name: "train", command: run([...gaussian, ...every]) },
    {
      name: "eval",
      before: (folder) => trained("gaussian", [...gaussian, ...every], folder),
      command: run([...gaussian, ...every], "--mode", "eval"),
    },
    { name: "sample", before: trainedImages, command: run(images(path), "--mode", "sample") },
    { name: "train_deq", before: trainedImages, command: run(images(path), "--mode", "train_deq", "--steps", "5") },
    { name: "prepare", command: (folder) => prepare(source, folder) },
    {
      name: "local steps",
      command: run(
        gaussian,
        ...set("exchange.mode=local", "exchange.every=5", "training.shards=2", "training.checkpointEvery=10", "training.logEvery=15"), // prettier-ignore
      ),
    },
  ];
}

export const scenarioNames = ["train", "eval", "sample", "train_deq", "prepare", "local steps"] as const;
