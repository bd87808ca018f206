import { createHash } from "node:crypto";
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Manifest } from "../../../src/data/prepare/manifest.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { readLayout } from "../../../src/data/prepare/shard-layout.ts";
import { verify } from "../../../src/data/prepare/verify.ts";
import { made, temporaryFolder, valuesOf } from "./fixture.ts";

/** 23 images in three shards of up to ten. */
async function prepared(): Promise<string> {
  const directory = temporaryFolder();
  await prepare(made({ length: 23 }), { directory, shardBytes: 600 });
  return directory;
}
const shard = (directory: string, i: number) => join(directory, `shard-0000${i}.arrow`);

/** Rewrites the manifest; lists and numbers of it may be changed. */
function edit(directory: string, change: (of: { -readonly [K in keyof Manifest]: Manifest[K] }) => void): void {
  const path = join(directory, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest & { sha256?: string };
  delete manifest.sha256;
  change(manifest);
  writeFileSync(path, JSON.stringify(manifest));
}

/** Puts a copy of one shard in the place of another, with its length and hash in the manifest. */
function swap(directory: string, from: number, to: number): void {
  copyFileSync(shard(directory, from), shard(directory, to));
  const bytes = readFileSync(shard(directory, to));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  edit(directory, ({ shards }) => void Object.assign(shards[to]!, { bytes: bytes.length, sha256 }));
}

it("reads into memory that is given, of the right size only", async () => {
  const shards = await openShards(await prepared());
  const into = new Uint8Array(120);
  expect(shards.gather([22, 3], into)).toBe(into);
  expect([...into]).toEqual(valuesOf([22, 3]));
  expect(shards.read(9, 2, into)).toBe(into);
  expect([...into]).toEqual(valuesOf([9, 10]));
  expect(() => shards.gather([1], into)).toThrow("there is room for 120 values, the images have 60");
  shards.close();
});

it("loads indices of all shards in the order asked for, and refuses those out of range", async () => {
  const shards = await openShards(await prepared());
  const indices = [22, 9, 10, 0, 21, 11, 9];
  expect([...(await shards.load(indices))]).toEqual(valuesOf(indices));
  await expect(shards.load([0, 23])).rejects.toThrow("image 23 is out of range: there are 23");
  expect(() => shards.gather([21, 22, 23])).toThrow("image 23 is out of range");
  expect(() => shards.labels([23])).toThrow("image 23 is out of range");
  expect(() => shards.read(-1, 1)).toThrow("image -1 is out of range");
  shards.close();
});

it("names a shard that is cut short while it is open", async () => {
  const directory = await prepared();
  const shards = await openShards(directory);
  shards.gather([10]);
  truncateSync(shard(directory, 1), 700);
  expect(() => shards.gather([19])).toThrow(/shard-00001\.arrow is cut short: it ends at byte \d+/);
  await expect(shards.load([19])).rejects.toThrow(/shard-00001\.arrow is cut short: it ends at byte \d+/);
  shards.close();
});

it("refuses a shard of which a bit has changed, by every way of reading, and gives the others", async () => {
  const directory = await prepared();
  const bytes = readFileSync(shard(directory, 1));
  bytes[bytes.length >> 1]! ^= 8;
  writeFileSync(shard(directory, 1), bytes);
  const shards = await openShards(directory);
  const words = /shard-00001\.arrow is damaged: its hash is not the manifest's\n  remedy: run the npm run data/;
  await expect(shards.load([10])).rejects.toThrow(words);
  await expect(shards.load([11])).rejects.toThrow(words);
  for (const read of [() => shards.gather([10]), () => shards.read(10, 1), () => shards.labels([10])]) {
    expect(read).toThrow(words);
  }
  expect([...(await shards.load([22, 0]))]).toEqual(valuesOf([22, 0]));
  shards.close();
});

it("keeps within the file of a shard when a bit of its descriptions has changed", async () => {
  const directory = await prepared();
  const path = shard(directory, 0);
  const bytes = readFileSync(path);
  const { images } = readLayout(path);
  const broken: number[] = [];
  for (let bit = 0; bit < 8 * images; bit += 13) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, changed);
    try {
      const found = readLayout(path);
      const end = Math.max(found.images + found.count * found.width, (found.labels ?? 0) + 4 * found.count);
      if (!(end <= bytes.length)) broken.push(bit);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
  expect(broken).toEqual([]);
});

it("finds a shard that is too long", async () => {
  const directory = await prepared();
  const { length } = readFileSync(shard(directory, 0));
  appendFileSync(shard(directory, 0), "!");
  const words = `shard-00000.arrow is too long: ${length + 1} of ${length} bytes`;
  await expect(openShards(directory)).rejects.toThrow(words);
  expect((await verify(directory)).faults).toEqual([expect.stringContaining(words)]);
});

it("finds a shard that holds fewer images than the manifest says", async () => {
  const directory = await prepared();
  swap(directory, 2, 1);
  const words = "shard-00001.arrow holds 3 images of 60 values, but the manifest says 10 of 60";
  expect((await verify(directory)).faults).toEqual([expect.stringContaining(words)]);
  const shards = await openShards(directory);
  expect(() => shards.gather([10])).toThrow(words);
  await expect(shards.load([10])).rejects.toThrow(words);
  shards.close();
});

it.each([[[1e9, 1e9, 3]], [[2 ** 32, 1, 1]]])(
  "refuses images of %j in a manifest by the name of the field",
  async (shape) => {
    const directory = await prepared();
    edit(directory, (manifest) => (manifest.shape = shape as [number, number, number]));
    await expect(openShards(directory)).rejects.toThrow(
      `${join(directory, "manifest.json")} is damaged: ✖ images of ${String(shape)} have more values than memory can hold → at shape`,
    );
  },
);

it("finds images of another size than the manifest says", async () => {
  const directory = await prepared();
  edit(directory, (of) => void (of.shape = [4, 5, 1]));
  const words = "shard-00000.arrow holds 10 images of 60 values, but the manifest says 10 of 20";
  expect((await verify(directory)).faults[0]).toContain(words);
  const shards = await openShards(directory);
  expect(() => shards.gather([0])).toThrow(words);
});

it.each([
  ["a shorter one before the last", [9, 10, 4], "shard-00001.arrow holds 10 images, but each shard before it 9"],
  ["a longer one at the end", [7, 7, 9], "shard-00002.arrow holds 9 images, but each shard before it 7"],
])("refuses shards that are not as full as they must be: %s", async (_, counts, words) => {
  const directory = await prepared();
  edit(directory, ({ shards }) => counts.forEach((count, i) => void Object.assign(shards[i]!, { count })));
  await expect(openShards(directory)).rejects.toThrow(words);
});

it("names a hundred bad images at most, and counts all, those behind the last shard too", async () => {
  const directory = temporaryFolder();
  const bad = Array.from({ length: 107 }, (_, i) => i + 5);
  const told: [number, number][] = [];
  const onProgress = (done: number, skipped: number) => void told.push([done, skipped]);
  const { manifest } = await prepare(made({ length: 112, bad }), {
    directory,
    shardBytes: 600,
    skipBad: true,
    onProgress,
  });
  expect(manifest).toMatchObject({ count: 5, skipped: { count: 107, files: 0 } });
  expect(manifest!.skipped.first).toHaveLength(100);
  expect(manifest!.skipped.first[99]!.where).toBe("made: image 104");
  expect(told.at(-1)).toEqual([5, 107]);
});

it("begins no image once it is told to stop", async () => {
  const signal = AbortSignal.abort();
  const told: number[] = [];
  const onProgress = (done: number) => void told.push(done);
  const directory = temporaryFolder();
  const found = await prepare(made({ length: 30 }), { directory, shardBytes: 600, window: 1, signal, onProgress });
  expect(found).toEqual({ images: 0, kept: 0 });
  expect(told).toEqual([]);
});
