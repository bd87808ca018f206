/** What was prepared is known by its sources, whatever the format, and made anew when these change. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changeOf } from "../../../src/data/prepare/change.ts";
import { readManifest, writeManifest } from "../../../src/data/prepare/manifest.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare, type PrepareOptions } from "../../../src/data/prepare/prepare.ts";
import { sealedLine } from "../../../src/data/formats/progress-lines.ts";
import { openSource } from "../../../src/data/sources/formats.ts";
import { fixture, temporaryFolder } from "../sources/fixture.ts";

const NAMES: Readonly<Record<string, string>> = {
  parquet: "train-00000-of-00001.parquet",
  tfrecords: "faces-train.tfrecord-00000-of-00001",
  arrays: "stored.npz",
  arrow: "hub.arrow",
  folder: "colour.png",
};

/** A folder with a copy of a fixture, and ways to prepare it. */
function data(format: string) {
  const [from, directory] = [temporaryFolder(), temporaryFolder()];
  const file = join(from, NAMES[format]!);
  copyFileSync(fixture(NAMES[format]!), file);
  const said: string[] = [];
  const run = async (more: Partial<PrepareOptions> = {}) => {
    said.length = 0;
    const surroundings = { cacheDir: temporaryFolder(), onProgress: () => {} };
    const source = await openSource(format, { path: from, split: "train", size: 4 }, surroundings);
    const { manifest, kept } = await prepare(source, { directory, onMessage: (text) => said.push(text), ...more });
    return { count: manifest?.count, kept };
  };
  return { from, directory, file, run, said };
}

describe.each(Object.keys(NAMES))("%s", (format) => {
  it("is prepared once, and anew when a file was written since, which is said", async () => {
    const { file, run, said } = data(format);
    const { count } = await run();
    expect(await run()).toEqual({ count, kept: count });
    utimesSync(file, 1e9, 1e9);
    expect(await run()).toEqual({ count, kept: 0 });
    expect(said[0]).toMatch(/changed \(.*written|changed \(.*times of images/);
    expect(await run()).toEqual({ count, kept: count });
  });

  it("is prepared anew when a file comes", async () => {
    const { from, run, said } = data(format);
    const { count } = await run();
    copyFileSync(join(from, NAMES[format]!), join(from, `b-${NAMES[format]!}`));
    expect(await run()).toEqual({ count: 2 * count!, kept: 0 });
    expect(said[0]).toMatch(/is new: everything is|1 images, now 2/);
  });
});

it("resized in another way is kept where it is done, and begun anew where it is not", async () => {
  const { directory, run: prepared, said } = data("parquet");
  const run = () => prepared({ options: { size: 4 } });
  const { count } = await run();
  const before = readFileSync(join(directory, "shards.jsonl"), "utf8");
  expect(before).toMatch('"resizing":3');
  const [head, entry] = before
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { work: object; entry: object });
  // As the version before wrote it.
  const first = sealedLine("work", { ...head!.work, resizing: undefined });
  const second = sealedLine("entry", entry!.entry, first.hash);
  writeFileSync(join(directory, "shards.jsonl"), first.line + second.line);
  // A manifest says that all is done.
  expect(await run()).toEqual({ count, kept: count });
  const { work } = await readManifest(directory);
  expect(changeOf({ ...work, resizing: undefined }, work)).toBeUndefined();
  rmSync(join(directory, "manifest.json"));
  expect(await run()).toEqual({ count, kept: 0 });
  expect(said[0]).toBe("images are now resized closer to Pillow's result: everything is prepared again");
  expect(readFileSync(join(directory, "shards.jsonl"), "utf8")).toBe(before);
});

it("resized in another way and no longer whole has no manifest while it is made anew", async () => {
  const { directory, run: prepared, said } = data("parquet");
  const run = (more: Partial<PrepareOptions> = {}) => prepared({ options: { size: 4 }, ...more });
  const { count } = await run();
  const { work, ...rest } = await readManifest(directory);
  await writeManifest(directory, { ...rest, work: { ...work, resizing: undefined } });
  truncateSync(join(directory, "shard-00000.arrow"), 100);
  await run({ signal: AbortSignal.abort() });
  expect(said[0]).toBe("images are now resized closer to Pillow's result: everything is prepared again");
  expect(existsSync(join(directory, "manifest.json"))).toBe(false);
  expect(await run()).toEqual({ count, kept: 0 });
});

/** Ten grey images of a value, in a folder, ten bytes long each. */
function grey(folder: string, value: number): void {
  for (let i = 0; i < 10; i++) {
    const head = Buffer.from("\x93NUMPY\x01\0v\0", "latin1");
    const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }".padEnd(117) + "\n";
    writeFileSync(join(folder, `${i}.npy`), Buffer.concat([head, Buffer.from(text), Buffer.alloc(4, value)]));
    // The same times, so that nothing but the contents tells.
    utimesSync(join(folder, `${i}.npy`), 1e9, 1e9);
  }
}

describe("a source whose files have the sizes and times that they had", () => {
  const shardBytes = 16;
  async function greys() {
    const [from, directory] = [temporaryFolder(), temporaryFolder()];
    grey(from, 1);
    const said: string[] = [];
    const run = async (more: Partial<PrepareOptions> = {}) => {
      said.length = 0;
      const source = await openSource(
        "arrays",
        { path: from, split: "train" },
        { cacheDir: from, onProgress: () => {} },
      );
      return prepare(source, { directory, shardBytes, onMessage: (text) => said.push(text), ...more });
    };
    const pixels = async () => {
      const shards = await openShards(directory);
      const all = [...new Set(shards.read(0, shards.length))];
      shards.close();
      return all;
    };
    return { from, directory, run, said, pixels };
  }

  it("is read again with verify: nothing is written when nothing changed, all when it did", async () => {
    const { from, directory, run, said, pixels } = await greys();
    await run();
    const before = statSync(join(directory, "shard-00000.arrow")).mtimeMs;
    expect((await run({ verify: true })).kept).toBe(10);
    expect(said).toEqual([expect.stringMatching(/are those of the sources, by their hashes/)]);
    expect(statSync(join(directory, "shard-00000.arrow")).mtimeMs).toBe(before);
    grey(from, 2);
    expect((await run()).kept).toBe(10);
    expect((await run({ verify: true })).kept).toBe(0);
    expect(said[0]).toMatch(/the images for shard-00000\.arrow changed: everything is prepared again/);
    expect(await pixels()).toEqual([2]);
  });

  it("does not mix with what was prepared before a stop", async () => {
    const { from, directory, run, said, pixels } = await greys();
    const stop = new AbortController();
    const stopped = { signal: stop.signal, onProgress: (done: number) => done >= 8 && stop.abort(), window: 1 };
    expect((await run(stopped)).manifest).toBeUndefined();
    expect(existsSync(join(directory, "shard-00000.arrow"))).toBe(true);
    grey(from, 2);
    await run({ verify: true });
    expect(said[0]).toMatch(/changed: everything is prepared again/);
    expect(await pixels()).toEqual([2]);
  });

  it("is told by its times too, between the stop and the start of one preparation", async () => {
    const { from, run, said, pixels } = await greys();
    const stop = new AbortController();
    await run({ signal: stop.signal, onProgress: (done: number) => done >= 8 && stop.abort(), window: 1 });
    grey(from, 2);
    utimesSync(join(from, "3.npy"), 2e9, 2e9);
    expect((await run()).kept).toBe(0);
    expect(said[0]).toMatch(/3\.npy changed \(written .*\): everything is prepared again/);
    expect(await pixels()).toEqual([2]);
  });
});

it("writes a damaged manifest anew, but not one of another program", async () => {
  const { directory, run, said } = data("arrays");
  const { count } = await run();
  for (const text of ["", "{", '{"kind":"scorestream-shards"}']) {
    writeFileSync(join(directory, "manifest.json"), text);
    expect((await run()).count).toBe(count);
    expect(said[0]).toMatch(/manifest\.json is damaged and is written again/);
    expect((await readManifest(directory)).count).toBe(count);
  }
  writeFileSync(join(directory, "manifest.json"), '{"name":"an extension of a browser"}');
  await expect(run()).rejects.toThrow(/manifest\.json was not written by this program\n.*another --out/);
});
