import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { verify } from "../../../src/data/prepare/verify.ts";
import { permutation, randomKey } from "../../../src/base/random.ts";
import { made, temporaryFolder, valuesOf } from "./fixture.ts";

/** 23 images in three shards of up to ten. */
async function prepared(): Promise<string> {
  const directory = temporaryFolder();
  await prepare(made({ length: 23 }), { directory, shardBytes: 600 });
  return directory;
}

describe("openShards", () => {
  it("reads any images in any order, across shards", async () => {
    const shards = await openShards(await prepared());
    expect(shards).toMatchObject({ length: 23, shape: [4, 5, 3], labelled: true });
    for (const indices of [[0], [22, 0, 9, 10, 11], [8, 9, 10, 11], [5, 5, 5], []]) {
      expect(Array.from(shards.gather(indices))).toEqual(valuesOf(indices));
      expect(Array.from(shards.labels(indices))).toEqual(indices.map((i) => i % 4));
    }
    expect(Array.from(shards.read(7, 15))).toEqual(valuesOf(Array.from({ length: 15 }, (_, i) => 7 + i)));
    shards.close();
    expect(Array.from(shards.gather([12]))).toEqual(valuesOf([12]));
    shards.close();
  });

  it("gives every image once under a shuffle of all of them", async () => {
    const shards = await openShards(await prepared());
    const order = permutation(randomKey(3, "shuffle", 0), shards.length);
    const batches = [order.subarray(0, 9), order.subarray(9, 18), order.subarray(18)];
    const seen = batches.flatMap((batch) => Array.from(shards.gather(batch)));
    expect(seen).toEqual(valuesOf(Array.from(order)));
    shards.close();
  });

  it("refuses indices out of range", async () => {
    const shards = await openShards(await prepared());
    for (const index of [-1, 23, 1.5, NaN]) expect(() => shards.gather([index])).toThrow(/out of range: there are 23/);
    expect(() => shards.read(20, 4)).toThrow(/image 23 is out of range/);
  });

  it("writes what other programs read as Arrow", async () => {
    const table = tableFromIPC(readFileSync(join(await prepared(), "shard-00002.arrow")));
    expect(table.numRows).toBe(3);
    expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      "image: FixedSizeList[60]<Uint8>",
      "label: Int32",
    ]);
    const rows = table.getChild("image")!.data[0]!.children[0]!.values as Uint8Array;
    expect(Array.from(rows.subarray(0, 180))).toEqual(valuesOf([20, 21, 22]));
  });

  it("says what is wrong with the shards, before it reads them", async () => {
    const [cut, gone, swapped] = [await prepared(), await prepared(), await prepared()];
    const shard = (directory: string, i: number) => join(directory, `shard-0000${i}.arrow`);
    truncateSync(shard(cut, 1), 300);
    await expect(openShards(cut)).rejects.toThrow(/shard-00001\.arrow is cut short: 300 of \d+ bytes\n.*prepare/);
    rmSync(shard(gone, 0));
    await expect(openShards(gone)).rejects.toThrow(/shard-00000\.arrow is missing/);
    writeFileSync(shard(swapped, 1), Buffer.alloc(readFileSync(shard(swapped, 1)).length));
    const shards = await openShards(swapped);
    expect(() => shards.gather([12])).toThrow(/shard-00001\.arrow is damaged: its hash is not/);
    await expect(openShards(temporaryFolder())).rejects.toThrow(/manifest\.json is missing/);
  });

  it("says what is wrong with the manifest", async () => {
    const directory = await prepared();
    const path = join(directory, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as {
      count: number;
      shards: { file: string }[];
      sha256?: string;
    };
    const fails = async (change: (of: typeof manifest) => unknown) => {
      const { sha256: _, ...copy } = structuredClone(manifest);
      change(copy);
      writeFileSync(path, JSON.stringify(copy));
      return expect(openShards(directory)).rejects;
    };
    await (await fails((of) => of.count++)).toThrow(/damaged: its shards have 23 images, it says 24/);
    await (await fails((of) => (of.shards[0]!.file = "../shard-00000.arrow"))).toThrow(/damaged: .*shards\[0\]\.file/);
    writeFileSync(path, JSON.stringify(manifest).replace("0.", "0.1"));
    await expect(openShards(directory)).rejects.toThrow("damaged: its content does not match its hash");
    writeFileSync(path, "{");
    await expect(openShards(directory)).rejects.toThrow(/manifest\.json is damaged/);
  });
});

describe("verify", () => {
  it("names every shard that is not as it was written", async () => {
    const directory = await prepared();
    const shard = (i: number) => join(directory, `shard-0000${i}.arrow`);
    const bytes = readFileSync(shard(0));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(shard(0), bytes);
    rmSync(shard(2));
    const done: number[] = [];
    const { faults } = await verify(directory, (count) => done.push(count));
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(/shard-00000\.arrow: its hash is wrong: sha256 [0-9a-f]{64}, expected/);
    expect(faults[1]).toMatch(/shard-00002\.arrow is missing/);
    expect(done).toEqual([10, 20, 23]);
  });
});
