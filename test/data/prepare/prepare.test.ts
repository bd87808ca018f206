import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readManifest } from "../../../src/data/prepare/manifest.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare, type PrepareOptions } from "../../../src/data/prepare/prepare.ts";
import { verify } from "../../../src/data/prepare/verify.ts";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import type { SourceEntry, Source } from "../../../src/data/sources/source.ts";
import { made, temporaryFolder, value, valuesOf } from "./fixture.ts";

/** Ten images of 60 bytes a shard. */
const shardBytes = 600;
const run = (source: Source, directory: string, more: Partial<PrepareOptions> = {}) =>
  prepare(source, { directory, shardBytes, ...more });
const filesIn = (directory: string) => readdirSync(directory).sort();
const bytesOf = (directory: string) =>
  new Map(filesIn(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")]));

/** Of all values of `count` images, channel by channel on the scale 0..1. */
function statistics(count: number) {
  return [0, 1, 2].map((c) => {
    const values = Array.from({ length: count * 20 }, (_, n) => value(Math.floor(n / 20), (n % 20) * 3 + c) / 255);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  });
}

describe("prepare", () => {
  it("writes shards and a manifest with their counts, hashes and statistics", async () => {
    const directory = temporaryFolder();
    const done: number[] = [];
    const { manifest, images, kept } = await run(made({ length: 23 }), directory, { onProgress: (n) => done.push(n) });
    expect({ images, kept }).toEqual({ images: 23, kept: 0 });
    expect(manifest).toMatchObject({
      shape: [4, 5, 3],
      count: 23,
      classCounts: [6, 6, 6, 5],
      skipped: { count: 0, first: [] },
      work: { format: "made", split: "train", shardBytes },
    });
    expect(manifest!.shards.map(({ file, count }) => [file, count])).toEqual([
      ["shard-00000.arrow", 10],
      ["shard-00001.arrow", 10],
      ["shard-00002.arrow", 3],
    ]);
    statistics(23).forEach(({ mean, deviation }, c) => {
      expect(manifest!.channelMeans[c]).toBeCloseTo(mean, 12);
      expect(manifest!.channelDeviations[c]).toBeCloseTo(deviation, 12);
    });
    expect(await readManifest(directory)).toEqual(manifest);
    expect((await verify(directory)).faults).toEqual([]);
    expect(done.at(-1)).toBe(23);
  });

  it("gives the same bytes however many images are loaded at once", async () => {
    const slow = made({ length: 12 });
    const uneven: Source = {
      ...slow,
      async *entries(): AsyncGenerator<SourceEntry> {
        let i = 0;
        for await (const entry of slow.entries()) {
          const wait = (i++ * 7) % 5;
          yield { ...entry, load: () => new Promise((resolve) => setTimeout(() => resolve(entry.load()), wait)) };
        }
      },
    };
    const [one, many] = [temporaryFolder(), temporaryFolder()];
    await run(uneven, one, { window: 1 });
    await run(uneven, many, { window: 8 });
    expect(bytesOf(many)).toEqual(bytesOf(one));
  });

  it("goes on behind whole shards after it was stopped, and ends as if it never had been", async () => {
    const [stopped, never] = [temporaryFolder(), temporaryFolder()];
    const abort = new AbortController();
    const onProgress = (done: number) => void (done === 17 && abort.abort());
    const first = await run(made({ length: 33 }), stopped, { window: 1, onProgress, signal: abort.signal });
    expect(first).toEqual({ images: 10, kept: 0 });
    expect(existsSync(join(stopped, "manifest.json"))).toBe(false);

    const loaded: number[] = [];
    const again = await run(made({ length: 33, onLoad: (i) => loaded.push(i) }), stopped);
    expect(again).toMatchObject({ images: 33, kept: 10 });
    expect(loaded[0]).toBe(10);
    await run(made({ length: 33 }), never);
    expect(bytesOf(stopped)).toEqual(bytesOf(never));
  });

  it("does nothing when all is there, and makes anew what is not whole", async () => {
    const directory = temporaryFolder();
    await run(made({ length: 33 }), directory);
    const before = bytesOf(directory);
    const loaded: number[] = [];
    const source = made({ length: 33, onLoad: (i) => loaded.push(i) });
    expect(await run(source, directory)).toMatchObject({ images: 33, kept: 33 });
    expect(loaded).toEqual([]);
    truncateSync(join(directory, "shard-00002.arrow"), 100);
    expect(await run(source, directory)).toMatchObject({ images: 33, kept: 20 });
    expect(loaded[0]).toBe(20);
    expect(bytesOf(directory)).toEqual(before);
  });

  it("removes what an interrupted writer and other work left", async () => {
    const directory = temporaryFolder();
    for (const writer of ["1234", "1-0123abcd"])
      writeFileSync(join(directory, `.shard-00000.arrow.${writer}.tmp`), "piece");
    writeFileSync(join(directory, "shard-00009.arrow"), "other");
    writeFileSync(join(directory, "mine.txt"), "kept");
    const said: string[] = [];
    await run(made({ length: 5 }), directory, { onMessage: (text) => said.push(text) });
    expect(filesIn(directory)).toEqual(["manifest.json", "mine.txt", "shard-00000.arrow", "shards.jsonl"]);
    expect(said).toEqual(["3 unfinished or damaged shards, or of other work, are made anew"]);
  });

  it("refuses a folder of other data", async () => {
    const directory = temporaryFolder();
    await run(made({ length: 5 }), directory);
    await expect(run(made({ length: 5 }), directory, { options: { size: 8 } })).rejects.toThrow(/holds other data/);
  });

  it("ends at the first bad image and keeps the shards before it", async () => {
    const directory = temporaryFolder();
    const bad = made({ length: 30, bad: [15, 18] });
    await expect(run(bad, directory)).rejects.toThrow(/^made: image 15: it is bad\n.*--skip-bad/);
    expect(filesIn(directory)).toEqual(["shard-00000.arrow", "shards.jsonl"]);

    const { manifest, kept } = await run(bad, directory, { skipBad: true });
    expect(kept).toBe(10);
    expect(manifest).toMatchObject({
      count: 28,
      skipped: {
        count: 2,
        first: [
          { where: "made: image 15", reason: "it is bad", lost: 1 },
          { where: "made: image 18", reason: "it is bad", lost: 1 },
        ],
      },
    });
    const shards = await openShards(directory);
    expect(Array.from(shards.gather([14, 15, 16, 17]))).toEqual(valuesOf([14, 16, 17, 19]));
    shards.close();
    await expect(run(bad, directory)).rejects.toThrow(/the existing shards leave out 2 bad images\n/);
  });

  it("names images of another shape, label or class", async () => {
    const change = (i: number, to: Partial<SourceEntry>): Source => {
      const source = made({ length: 4 });
      return {
        ...source,
        classes: 4,
        async *entries() {
          let at = 0;
          for await (const entry of source.entries()) yield at++ === i ? { ...entry, ...to } : entry;
        },
      };
    };
    const wide = () => ({ data: new Uint8Array(72), shape: [4, 6, 3] as const });
    const fails = (source: Source) => expect(run(source, temporaryFolder())).rejects;
    await fails(change(2, { load: wide })).toThrow(/^made: image 2: wrong size: \[4, 6, 3\], expected \[4, 5, 3\]/);
    await fails(change(1, { label: 4 })).toThrow(/^made: image 1: its label is 4, expected 0 to 3/);
    await fails(change(3, { label: -1 })).toThrow(/^made: image 3: its label is -1/);
    await fails({ ...change(0, {}), shape: [4, 6, 3] }).toThrow(/^made: image 0: wrong size/);
    await fails(made({ length: 2, bad: [0, 1] })).toThrow(BadDataError);
    await expect(run(made({ length: 2, bad: [0, 1] }), temporaryFolder(), { skipBad: true })).rejects.toThrow(
      /made, split train: no image/,
    );
  });

  it("reports an error that is not the data's, after what came before", async () => {
    const source = made({ length: 20 });
    const failing: Source = {
      ...source,
      async *entries() {
        let i = 0;
        for await (const entry of source.entries()) {
          if (i++ === 12) throw new Error("the disk is gone");
          yield entry;
        }
      },
    };
    const directory = temporaryFolder();
    await expect(run(failing, directory, { skipBad: true, window: 5 })).rejects.toThrow(/^the disk is gone/);
    expect(filesIn(directory)).toContain("shard-00000.arrow");
  });

  it("reports the first of several errors that are not the data's", async () => {
    const failing = made({
      length: 20,
      onLoad(i) {
        if (i >= 8) throw new Error(`no right to read ${i}`);
      },
    });
    await expect(run(failing, temporaryFolder(), { window: 5 })).rejects.toThrow(/^no right to read 8$/);
  });

  it("works without labels", async () => {
    const directory = temporaryFolder();
    const { manifest } = await run(made({ length: 12, labelled: false }), directory);
    expect(manifest!.classCounts).toBeUndefined();
    const shards = await openShards(directory);
    expect(Array.from(shards.gather([11, 0]))).toEqual(valuesOf([11, 0]));
    expect(() => shards.labels([0])).toThrow(/have no labels/);
    shards.close();
    rmSync(directory, { recursive: true });
  });
});
