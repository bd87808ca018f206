import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { loadCifar10 } from "../../src/data/cifar10/load.ts";
import type { Cifar10Source } from "../../src/data/cifar10/source.ts";
import { UsageError } from "../../src/base/errors.ts";
import { files, images, labels, manifest } from "./cifar10-fixture.ts";

let root: string;
let cacheDir: string;
let fetched: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cifar10-cache-"));
  cacheDir = join(root, "a", "b");
  fetched = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const good: Cifar10Source = {
  name: "the fixture",
  async *fetch() {
    fetched++;
    for (const [name, bytes] of files) yield { name, where: name, bytes };
  },
};
const failing = (name: string, after = 0): Cifar10Source => ({
  name,
  async *fetch(_manifest, directory) {
    writeFileSync(join(directory, "half.tgz"), "half");
    let n = 0;
    for (const [file, bytes] of files) {
      if (n++ === after) throw new Error(`${name} went away`);
      yield { name: file, where: file, bytes };
    }
  },
});
const load = async (...sources: Cifar10Source[]) => {
  const said: string[] = [];
  const data = await loadCifar10({ cacheDir, onProgress: (message) => said.push(message) }, { manifest, sources });
  return { ...data, said: said.join("\n") };
};
const cached = ["cifar10-test.arrow", "cifar10-train.arrow"];

describe("the cache", () => {
  it("is written once, holds the images, and says where they are from", async () => {
    const first = await load(good);
    expect(first.said).toMatch(/CIFAR-10: 100 \+ 20 images, channel means 0\.\d{4}.* from the fixture/);
    expect(readdirSync(cacheDir)).toEqual(cached);
    const second = await load(good);
    expect(fetched).toBe(1);
    expect(second.said).toBe("");
    for (const { train, test } of [first, second]) {
      expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
      expect(Buffer.compare(test.images, images[5]!)).toBe(0);
      expect([...train.labels]).toEqual(labels.slice(0, 5).flat());
    }
    // Read without copying: images and labels are views on the one buffer of the file.
    expect(second.train.images.buffer).toBe(second.train.labels.buffer);
    const { columns, metadata } = readArrowFile(join(cacheDir, "cifar10-train.arrow"));
    expect(columns.get("image")!.shape).toEqual([32, 32, 3]);
    expect(metadata.get("source")).toBe("the fixture");
    expect(metadata.get("shape")).toBe("[32,32,3]");
  });

  it.each([
    [
      "one flipped bit in the pixels",
      (path: string) => flip(path, 5000),
      /hash is wrong: sha256 [0-9a-f]{64}, expected/,
    ],
    ["a truncated file", (path: string) => truncateSync(path, 5000), /not an Arrow IPC file|cut short/],
    ["an empty file", (path: string) => truncateSync(path, 0), /Arrow IPC file/],
  ])("is refused by name, removed and made again after %s", async (_, damage, reason) => {
    await load(good);
    const path = join(cacheDir, "cifar10-train.arrow");
    damage(path);
    const { said, train } = await load(good);
    expect(said).toContain(`WARNING: the data cache ${path} is damaged and was removed`);
    expect(said).toMatch(reason);
    expect(fetched).toBe(2);
    expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
    expect((await load(good)).said).toBe("");
  });

  it("is gone when it was damaged and nothing can be fetched", async () => {
    await load(good);
    flip(join(cacheDir, "cifar10-test.arrow"), 5000);
    await expect(load(failing("a"))).rejects.toThrow(UsageError);
    expect(readdirSync(cacheDir)).toEqual(["cifar10-train.arrow"]);
  });

  it("is not taken for other data", async () => {
    await load(good);
    const other = { ...manifest, files: manifest.files.map((file) => ({ ...file, sha256: "0".repeat(64) })) };
    const said: string[] = [];
    const onProgress = (message: string) => said.push(message);
    await expect(loadCifar10({ cacheDir, onProgress }, { manifest: other, sources: [] })).rejects.toThrow(UsageError);
    expect(said.join()).toContain("made from other files");
  });

  it("that cannot be written is a usage error", async () => {
    writeFileSync(join(root, "file"), "");
    cacheDir = join(root, "file", "cache");
    await expect(load(good)).rejects.toThrow(/data cache .*file.cache cannot be written: .*\n {2}remedy: .*data\.path/);
  });
});

describe("fetching", () => {
  it("goes on with the next source, and says why", async () => {
    const { said, train } = await load(failing("first", 3), good);
    expect(said).toContain("CIFAR-10 is not available from first: first went away");
    expect(said).toContain("from the fixture");
    expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
  });

  it("lists the reasons of all sources and the remedy when none has it, and leaves nothing behind", async () => {
    const error = await load(failing("first"), failing("second", 5)).catch((reason: unknown) => reason as UsageError);
    expect(error).toBeInstanceOf(UsageError);
    const { message } = error as UsageError;
    expect(message).toMatch(/first: first went away\n.*second: second went away\n.*remedy: .*--set data\.path=DIR/s);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it("does not trust a source whose data is damaged or incomplete", async () => {
    const damaged: Cifar10Source = {
      name: "damaged",
      async *fetch() {
        for (const [name, bytes] of files)
          yield { name, where: name, bytes: bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) };
      },
    };
    const partial: Cifar10Source = {
      name: "partial",
      async *fetch() {
        for (const [name, bytes] of [...files].slice(1)) yield { name, where: name, bytes };
      },
    };
    const { message } = (await load(damaged, partial).catch((reason: unknown) => reason as Error)) as Error;
    expect(message).toMatch(/damaged: data_batch_1\.bin: its hash is wrong/);
    expect(message).toMatch(/partial: missing: data_batch_1\.bin/);
  });

  it("starts anew after an interrupted run, and clears what it left", async () => {
    const dead = spawnSync(process.execPath, ["--version"]).pid;
    const leave = (name: string, age: number) => {
      const leftover = join(cacheDir, name);
      mkdirSync(leftover, { recursive: true });
      writeFileSync(join(leftover, "cifar10-train.arrow"), "half a file");
      const time = Date.now() / 1000 - age;
      utimesSync(leftover, time, time);
    };
    leave(`fetch-${hostname()}-${dead}-abcdef`, 1);
    leave("fetch-elsewhere-7-abcdef", 7200);
    // Perhaps of runs that are at work beside this one.
    leave("fetch-elsewhere-8-abcdef", 60);
    leave(`fetch-${hostname()}-${process.pid}-abcdef`, 60);
    const { train } = await load(good);
    expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
    expect(readdirSync(cacheDir).sort()).toEqual(
      [...cached, "fetch-elsewhere-8-abcdef", `fetch-${hostname()}-${process.pid}-abcdef`].sort(),
    );
  });
});

function flip(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes[position]! ^= 1;
  writeFileSync(path, bytes);
}
