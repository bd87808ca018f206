/** A source that makes its images, and a folder of shards made of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { readProgress } from "../../../src/data/formats/read-progress.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { writeShard } from "../../../src/data/prepare/shard-file.ts";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import type { Shape, Source } from "../../../src/data/sources/source.ts";

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-shards-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Made {
  readonly length: number;
  readonly shape?: Shape;
  readonly labelled?: boolean;
  /** Indices of images that cannot be decoded. */
  readonly bad?: readonly number[];
  /** Told of every image that is decoded. */
  readonly onLoad?: (index: number) => void;
}

/** Value k of image i. */
export const value = (i: number, k: number) => (i * 31 + k * 7) % 256;

/** Images whose values tell their index. */
export function made({ length, shape = [4, 5, 3], labelled = true, bad = [], onLoad = () => {} }: Made): Source {
  const pixels = shape[0] * shape[1] * shape[2];
  return {
    format: "made",
    split: "train",
    length,
    files: [],
    async *entries() {
      for (let i = 0; i < length; i++) {
        const name = `made: image ${i}`;
        const load = () => {
          onLoad(i);
          if (bad.includes(i)) throw new BadDataError(name, "it is bad");
          return { data: Uint8Array.from({ length: pixels }, (_, k) => value(i, k)), shape };
        };
        yield { name, ...(labelled ? { label: i % 4 } : {}), load };
      }
    },
  };
}

/** Values of images, [B, H, W, C], as `made` gives them. */
export const valuesOf = (indices: readonly number[], pixels = 60) =>
  indices.flatMap((i) => Array.from({ length: pixels }, (_, k) => value(i, k)));

type Json = Record<string, unknown>;

/** Makes prepared images with labels what the versions before layout 2 wrote. */
export async function asLayout1(directory: string): Promise<void> {
  const path = { manifest: join(directory, "manifest.json"), progress: join(directory, "shards.jsonl") };
  const { layout: _, sha256: __, ...manifest } = JSON.parse(readFileSync(path.manifest, "utf8")) as Json;
  const { work, entries } = readProgress<Json>(path.progress)!;
  const { manifest: known, gather, labels, shape, close } = await openShards(directory);
  const written: Json[] = [];
  const lines: Json[] = [];
  let first = 0;
  for (const [i, { file, count }] of known.shards.entries()) {
    const indices = Array.from({ length: count }, (_, k) => first + k);
    const data = { shape, images: gather(indices), labels: labels(indices) };
    const { layout: ___, ...entry } = entries[i]!;
    written.push({ file, count, ...(await writeShard(join(directory, file), data, { layout: 1 })) });
    lines.push({ ...entry, ...written.at(-1) });
    first += count;
  }
  close();
  rmSync(path.progress);
  const progress = new ProgressFile<Json>(path.progress, work);
  for (const line of lines) progress.append(line);
  writeFileSync(path.manifest, JSON.stringify({ ...manifest, shards: written }));
}
