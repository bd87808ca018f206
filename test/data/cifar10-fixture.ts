/** A small data set in exactly the formats of CIFAR-10: random pixels, records, archive and npm package. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { packTar } from "modern-tar";
import { officialCifar10, pixels, type Cifar10Manifest } from "../../src/data/cifar10/manifest.ts";

export const imagesPerFile = 20;

/** The same bytes on every run; a linear congruential generator is random enough for pixels. */
export function randomBytes(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

/** Records written from the format's description: label, then the red, green and blue planes. */
export function records(images: Uint8Array, labels: ArrayLike<number>): Uint8Array {
  const out: number[] = [];
  for (let n = 0; n < labels.length; n++) {
    out.push(labels[n]!);
    for (let c = 0; c < 3; c++) for (let p = 0; p < 1024; p++) out.push(images[n * 3072 + p * 3 + c]!);
  }
  return Uint8Array.from(out);
}

export const names = officialCifar10.files.map((file) => file.name);
export const images = names.map((_, i) => randomBytes(imagesPerFile * pixels, i + 1));
export const labels = names.map((_, i) => Array.from({ length: imagesPerFile }, (_, n) => (n * 7 + i) % 10));
export const files = new Map(names.map((name, i) => [name, records(images[i]!, labels[i]!)]));

export const manifest: Cifar10Manifest = {
  imagesPerFile,
  files: officialCifar10.files.map((file) => ({
    ...file,
    sha256: createHash("sha256").update(files.get(file.name)!).digest("hex"),
  })),
};

export function writeFiles(directory: string): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
  return directory;
}

async function tarGz(entries: [name: string, body: Uint8Array | string][]): Promise<Uint8Array> {
  const length = (body: Uint8Array | string) => (typeof body === "string" ? Buffer.byteLength(body) : body.length);
  return gzipSync(
    await packTar(entries.map(([name, body]) => ({ header: { name, size: length(body), type: "file" }, body }))),
  );
}

/** Like cifar-10-binary.tar.gz, which has more files than the six. */
export const archive = (contents = files) =>
  tarGz([
    ["cifar-10-batches-bin/batches.meta.txt", "airplane\n"],
    ...[...contents].map(([name, bytes]): [string, Uint8Array] => [`cifar-10-batches-bin/${name}`, bytes]),
    ["cifar-10-batches-bin/readme.html", "<html>"],
  ]);

/** Like the npm package: a PNG of one line per image for each file, labels as JSON. */
export function npmArchive(): Promise<Uint8Array> {
  const png = (data: Uint8Array) => encode({ width: 1024, height: imagesPerFile, data, channels: 3 });
  return tarGz([
    ["package/package.json", "{}"],
    ...names.map((name, i): [string, Uint8Array] => [`package/${name.replace(".bin", ".png")}`, png(images[i]!)]),
    ["package/README.md", "data"],
    ["package/test_lables.json", JSON.stringify(labels[5])],
    ["package/train_lables.json", JSON.stringify(labels.slice(0, 5).flat())],
  ]);
}

export const integrity = (bytes: Uint8Array) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
