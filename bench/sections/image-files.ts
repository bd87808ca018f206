/** Preparing folders of image files beside the libraries that people would use: whole programs, by turns. */
import { spawnSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { pythonWith } from "../../test/support/python.ts";
import { cacheFolder } from "../../src/cli/environment.ts";
import { openSource } from "../../src/data/sources/formats.ts";
import { fillUniform, randomKey } from "../../src/base/random.ts";
import type { BenchContext } from "../context.ts";
import { spread } from "../statistics.ts";
import { table } from "../tables.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const peer = (name: string) => join(root, "bench/peers", name);

/** Longest time of one program, ms. */
const LIMIT = 20 * 60_000;

/** Time of a whole program and of its children, s. */
interface Times {
  readonly wall: number;
  readonly cpu: number;
}

/** @throws Error when the program fails, or does not name the number of images. */
function timed(command: readonly string[], images: number, env: NodeJS.ProcessEnv = process.env): Times {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@"';
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, "bash", ...command], {
    ...{ cwd: root, env, encoding: "utf8", maxBuffer: 2 ** 26, timeout: LIMIT },
  });
  const lines = stderr.trim().split("\n");
  if (status !== 0 || !stdout.includes(String(images))) {
    throw new Error(`${command.join(" ")} ended with ${status}: ${stdout.slice(-200)} ${lines.slice(-3).join("\n")}`);
  }
  const [wall, user, system] = lines.at(-1)!.split(" ").map(Number) as [number, number, number];
  return { wall, cpu: user + system };
}

/** Builds the package, which is what its users run; once it is set up, a start takes no time for that. */
function build(): void {
  for (const words of [["scripts/build.mjs"], ["dist/scripts/scorestream.mjs", "setup"]]) {
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8", timeout: LIMIT });
    if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr.slice(-500)}`);
  }
}

type Surroundings = Parameters<typeof openSource>[2];

/** Images of CIFAR-10 as PNG files of 32 x 32 in ten folders; after the first 50,000 come copies of them. */
async function smallFiles(folder: string, count: number, surroundings: Surroundings): Promise<void> {
  const source = await openSource("cifar10", { split: "train" }, surroundings);
  const path = (i: number) => join(folder, String(i % 10), `${i}.png`);
  for (let i = 0; i < 10; i++) mkdirSync(join(folder, String(i)), { recursive: true });
  let written = 0;
  for await (const entry of source.entries()) {
    if (written === count) break;
    const { data } = await entry.load();
    await sharp(data, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(path(written++));
  }
  for (let i = written; i < count; i++) copyFileSync(path(i % written), path(i));
}

/** JPEG files of 4000 x 3000 with smooth shapes and grain, ten of them under many names. */
async function largeFiles(folder: string, count: number): Promise<void> {
  const different = Math.min(10, count);
  const path = (i: number) => join(folder, `${i}.jpg`);
  mkdirSync(folder, { recursive: true });
  const noise = new Float32Array(160 * 120 * 3);
  for (let i = 0; i < different; i++) {
    fillUniform(randomKey(i, "large", 0), noise);
    const pixels = Uint8Array.from(noise, (value) => 256 * value);
    const raw = { raw: { width: 160, height: 120, channels: 3 as const } };
    await sharp(pixels, raw).resize(4000, 3000, { kernel: "cubic" }).jpeg({ quality: 90 }).toFile(path(i));
  }
  for (let i = different; i < count; i++) linkSync(path(i % different), path(i));
}

/** Pairs of whole programs by turns: ours and the other. */
function pairs(rounds: number, ours: () => Times, theirs: () => Times): readonly (readonly [Times, Times])[] {
  return Array.from({ length: rounds }, (_, round) => {
    if (round % 2) return [ours(), theirs()];
    const other = theirs();
    return [ours(), other];
  });
}

/** Times of pairs, and the ratios within each. */
const rowOf = (name: string, found: readonly (readonly [Times, Times])[], of: keyof Times) => {
  const text = (values: readonly number[], digits: number) => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(digits)} (${min.toFixed(digits)} - ${max.toFixed(digits)})`;
  };
  const [ours, theirs] = [0, 1].map((i) => found.map((pair) => pair[i]![of])) as [number[], number[]];
  return [name, text(ours, 1), text(theirs, 1), text(ours.map((time, i) => time / theirs[i]!), 2)]; // prettier-ignore
};

/** `prepare` of small PNG files beside Pillow and PyArrow, and of large JPEG files beside sharp alone. */
export async function imageFiles({
  scratch,
  quick,
  repeats,
  say,
}: BenchContext): Promise<{ markdown: string; table: unknown }> {
  const [small, large] = quick ? [20_000, 20] : [200_000, 200];
  // A pair with the small files takes a minute.
  const rounds = { small: Math.min(repeats, 3), large: repeats };
  const surroundings = { cacheDir: cacheFolder(process.env), onProgress: () => {} };
  const python = pythonWith("pyarrow==21.0.0", "numpy==2.4.6", "pillow==11.3.0");
  const out = join(scratch, "prepared");
  const fresh = () => rmSync(out, { recursive: true, force: true });
  const prepare = (folder: string, images: number, ...more: readonly string[]) => {
    fresh();
    const words = ["prepare", "--format", "folder", "--from", folder, "--out", out, ...more, "--json"];
    return timed([process.execPath, "dist/scripts/scorestream.mjs", "data", ...words], images);
  };

  say("  building the package");
  build();
  const [pngs, jpegs] = [join(scratch, "png"), join(scratch, "jpeg")];
  say(`  writing ${small.toLocaleString("en")} PNG files`);
  await smallFiles(pngs, small, surroundings);
  say("  preparing them by turns");
  const script = () => {
    fresh();
    return timed([python.file, peer("pillow_prepare.py"), pngs, out], small, python.env);
  };
  const ofSmall = pairs(rounds.small, () => prepare(pngs, small), script);
  rmSync(pngs, { recursive: true, force: true });

  say(`  writing ${large} JPEG files`);
  await largeFiles(jpegs, large);
  say("  preparing them by turns");
  const alone = () => timed([process.execPath, peer("sharp-resize.mjs"), jpegs, "64"], large);
  const ofLarge = pairs(rounds.large, () => prepare(jpegs, large, "--size", "64"), alone);
  rmSync(jpegs, { recursive: true, force: true });
  fresh();

  const smallName = `${small.toLocaleString("en")} PNG of 32 x 32; Pillow and PyArrow, two processes`;
  const largeName = `${large} JPEG of 4000 x 3000, \`--size 64\`; sharp alone, two at once`;
  const head = ["", "`prepare`, s", "the other, s", "ratio within pairs"];
  const rows = [
    rowOf(`${smallName}: CPU`, ofSmall, "cpu"),
    rowOf(`${smallName}: wall`, ofSmall, "wall"),
    rowOf(`${largeName}: CPU`, ofLarge, "cpu"),
    rowOf(`${largeName}: wall`, ofLarge, "wall"),
  ];
  const words = `Whole programs, their start included, by turns, \`prepare\` from the built package; medians of ${rounds.small} and ${rounds.large} pairs, smallest and largest behind them.`;
  return { markdown: `### Image files\n\n${table(head, rows)}\n\n${words}`, table: { small: ofSmall, large: ofLarge } };
}
