/** Small data sets in exactly the formats they are published in, prepared by the command line. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { packTar } from "modern-tar";
import { dataMain } from "../../src/cli/data.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { randomBytes } from "../data/cifar10-fixture.ts";

/** Runs `npm run data -- prepare`. @returns The folder with the shards. */
export async function prepared(...words: string[]): Promise<string> {
  const out = join(temporaryFolder(), "photos");
  let stderr = "";
  const exitCode = await dataMain(["prepare", ...words, "--out", out], {
    stdout: { write: () => true },
    stderr: { write: (text: string | Uint8Array) => ((stderr += String(text)), true) },
    signals: { on() {}, off() {} },
  } as unknown as Parameters<typeof dataMain>[1]);
  if (exitCode !== 0) throw new Error(stderr);
  return out;
}

/** An idx file, from the description of the format. */
export function idx(lengths: readonly number[], values: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * lengths.length);
  head.set([0, 0, 8, lengths.length]);
  lengths.forEach((length, i) => head.writeUInt32BE(length, 4 + 4 * i));
  return Buffer.concat([head, values]);
}

/** The four files of MNIST by their unpacked names, `train` and `test` images in them. */
export function mnistFiles(train: number, test: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const [prefix, count] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    files.set(`${prefix}-images-idx3-ubyte`, idx([count, 28, 28], randomBytes(count * 784, count)));
    files.set(
      `${prefix}-labels-idx1-ubyte`,
      idx(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 10),
      ),
    );
  }
  return files;
}

/** A folder with MNIST as it is published. */
export function mnistFolder(train: number, test: number): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of mnistFiles(train, test)) writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes));
  return folder;
}

const png = (side: number, seed: number) =>
  encode({ width: side, height: side, channels: 3, data: randomBytes(side * side * 3, seed) });

/** A folder of PNG files. */
export function pngFolder(count: number, side: number): string {
  const folder = temporaryFolder();
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `${i}.png`), png(side, i));
  return folder;
}

/** The archives of the old ImageNet 32x32; `cut` leaves their ends out, which loses the last image of each. */
export async function imagenetFolder({ cut = false } = {}): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, count] of [
    ["train_32x32", 9],
    ["valid_32x32", 5],
  ] as const) {
    const files = Array.from({ length: count }, (_, i) => {
      const body = png(32, count + i);
      return { header: { name: `${name}/${i}.png`, size: body.length, type: "file" as const }, body };
    });
    const archive = await packTar(files);
    const path = join(folder, `${name}.tar`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, cut ? archive.subarray(0, archive.length - 4096) : archive);
  }
  return folder;
}
