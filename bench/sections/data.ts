/** Preparing CIFAR-10 and folders of images, and reading shards beside PyArrow. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pythonWith } from "../../test/support/python.ts";
import { cacheFolder } from "../../src/cli/environment.ts";
import { openShards } from "../../src/data/prepare/open-shards.ts";
import { prepare } from "../../src/data/prepare/prepare.ts";
import { openSource } from "../../src/data/sources/formats.ts";
import { permutation, randomKey } from "../../src/base/random.ts";
import type { BenchContext, SectionResult } from "../context.ts";
import { startPython } from "../peer.ts";
import type { Request } from "../protocol.ts";
import { spread, type Spread } from "../statistics.ts";
import { table } from "../tables.ts";
import { imageFiles } from "./image-files.ts";

const BATCH = 128;

type Work = () => Promise<number> | number;

/** Seconds, and what `work` says it did. */
async function timed(work: Work): Promise<{ done: number; seconds: number }> {
  const started = performance.now();
  const done = await work();
  return { done, seconds: (performance.now() - started) / 1000 };
}

const rateText = ({ min, median, max }: Spread, unit: number) =>
  [median, min, max].map((value) => Math.round(value / unit).toLocaleString("en")).join(" | ");

export async function data(context: BenchContext): Promise<SectionResult> {
  const { scratch, repeats, say } = context;
  const directory = join(scratch, "cifar10");
  const surroundings = { cacheDir: cacheFolder(process.env), onProgress: (text: string) => say(text) };
  const source = await openSource("cifar10", { split: "train" }, surroundings);
  const prepared = async () => {
    rmSync(directory, { recursive: true, force: true });
    return (await prepare(source, { directory })).images;
  };
  await prepared();
  const files = readdirSync(directory).filter((name) => name.endsWith(".arrow")).map((name) => join(directory, name)); // prettier-ignore
  const shards = await openShards(directory);
  const width = shards.shape.reduce((a, b) => a * b, 1);

  const each = Math.ceil(shards.length / files.length);
  const pool = new Uint8Array(each * width);
  /** Shard after shard; `into` gives the memory. */
  const whole = (into: (count: number) => Uint8Array | undefined) => {
    let bytes = 0;
    for (let first = 0; first < shards.length; first += each) {
      const count = Math.min(each, shards.length - first);
      bytes += shards.read(first, count, into(count)).length;
    }
    return bytes;
  };
  const shuffled = async (round: number) => {
    const order = permutation(randomKey(round, "shuffle", 0), shards.length);
    let bytes = 0;
    for (let at = 0; at < order.length; at += BATCH)
      bytes += (await shards.load(order.subarray(at, at + BATCH))).length;
    return bytes;
  };

  const python = startPython("PyArrow", pythonWith("pyarrow==21.0.0", "numpy==2.4.6"), "pyarrow_peer.py");
  const rates: Record<string, number[]> = {};
  const note = (name: string, { done, seconds }: { done: number; seconds: number }) =>
    void (rates[name] ??= []).push(done / seconds);
  const ask = async (request: Request) => {
    const { bytes, wall } = await python.ask(request);
    return { done: bytes!, seconds: wall! };
  };
  let version: string | undefined;
  try {
    ({ version } = await python.ask({ do: "about" }));
    for (let round = -1; round < repeats; round++) {
      if (round >= 0) say(`  round ${round + 1} of ${repeats}`);
      const own = async () => {
        note("read", await timed(() => whole((count) => pool.subarray(0, count * width))));
        note("new", await timed(() => whole(() => undefined)));
        note("shuffled", await timed(() => shuffled(round)));
      };
      const theirs = async () => {
        note("pyarrow read", await ask({ do: "read", files }));
        note("pyarrow shuffled", await ask({ do: "shuffled", files, batch: BATCH }));
      };
      // By turns first; the first round only warms up.
      for (const part of round % 2 ? [own, theirs] : [theirs, own]) await part();
      if (round < 0) Object.keys(rates).forEach((name) => delete rates[name]);
    }
    shards.close();
    for (let round = 0; round < repeats; round++) note("prepare", await timed(prepared));
  } finally {
    shards.close();
    await python.close();
  }

  const of = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, spread(values)])) as Record<
    "read" | "new" | "shuffled" | "pyarrow read" | "pyarrow shuffled" | "prepare",
    Spread
  >;
  const dataReadRatio = of.read.median / of["pyarrow read"].median;
  const head = ["", "median", "smallest", "largest"];
  const row = (text: string, values: Spread, unit = 1e6) => [text, ...rateText(values, unit).split(" | ")];
  const rows = [
    row("ScoreStream: shard after shard, into memory used again, MB/s", of.read),
    row(
      `PyArrow ${version}: the same, \`OSFile\` and \`read_all\`; its pool uses memory again, MB/s`,
      of["pyarrow read"],
    ),
    row("ScoreStream: the same, into new memory, MB/s", of.new),
    row(`ScoreStream: batches of ${BATCH} in a global shuffle, from the files, MB/s`, of.shuffled),
    row("PyArrow and NumPy: the same, from an array in memory, MB/s", of["pyarrow shuffled"]),
    row("ScoreStream: prepare CIFAR-10 (50,000 images, from memory to hashed shards), images/s", of.prepare, 1),
  ];
  const ratios = `Ratios of medians: ${dataReadRatio.toFixed(2)} shard after shard, ${(of.shuffled.median / of["pyarrow shuffled"].median).toFixed(2)} shuffled.`;
  const ofFiles = await imageFiles(context);
  return {
    title: "Data: CIFAR-10 in shards, files in the page cache",
    markdown: `${table(head, rows)}\n\n${ratios}\n\n${ofFiles.markdown}`,
    table: { ...of, imageFiles: ofFiles.table },
    summary: { dataReadRatio },
  };
}
