import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import { openSource, type WantedSource } from "../../../src/data/sources/formats.ts";
import { openImageNet } from "../../../src/data/sources/imagenet.ts";
import { differenceOf } from "../../../src/data/sources/published.ts";
import { badOf, damaged, fixture, folderWith, readAll, temporaryFolder } from "./fixture.ts";

const open = (format: string, path: string, more: Partial<WantedSource> = {}) =>
  openSource(format, { path, split: "train", ...more }, { cacheDir: temporaryFolder(), onProgress: () => {} });

/** A folder of fixtures with one more file that is none of its kind. */
function withBroken(name: string, ...whole: string[]): string {
  const folder = folderWith(...whole);
  writeFileSync(join(folder, name), "not what its name says");
  return folder;
}

describe("a file that cannot be read", () => {
  it.each([
    ["arrays", "a.npz", "stored.npz"],
    ["parquet", "train-bad.parquet", "train-00000-of-00001.parquet"],
    ["arrow", "a.arrow", "hub.arrow"],
    ["tfrecords", "bad-train.tfrecord-00000-of-00001", "faces-train.tfrecord-00000-of-00001"],
  ])("of %s ends the work, or is left out, named and counted", async (format, broken, whole) => {
    const path = withBroken(broken, whole);
    const how = { size: 8 };
    const strict = async () => prepare(await open(format, path, how), { directory: temporaryFolder() });
    await expect(strict()).rejects.toThrow(BadDataError);
    await expect(strict()).rejects.toThrow(/skip what is bad with --skip-bad/);

    const source = await open(format, path, { ...how, skipBad: true });
    const directory = temporaryFolder();
    const { manifest } = await prepare(source, { directory, skipBad: true });
    expect(manifest!.count).toBeGreaterThan(0);
    expect(manifest!.skipped).toMatchObject({ count: 0, files: 1 });
    expect(manifest!.skipped.first[0]!.where).toContain(join(path, broken));
    const again = open(format, path, { ...how, skipBad: true }).then((it) => prepare(it, { directory }));
    await expect(again).rejects.toThrow(/the existing shards leave out 1 damaged file\n/);
  });

  it("leaves no image when it is the only one", async () => {
    const path = withBroken("train-images-idx3-ubyte");
    writeFileSync(join(path, "train-labels-idx1-ubyte"), "");
    await expect(open("mnist", path)).rejects.toThrow(/not an idx file of bytes/);
    const source = await open("mnist", path, { skipBad: true });
    const work = prepare(source, { directory: temporaryFolder(), skipBad: true });
    await expect(work).rejects.toThrow(/mnist, split train: no image\n {2}.*train-images-idx3-ubyte: not an idx file/);
  });

  it("of ImageNet leaves the number of images unchecked", async () => {
    const path = withBroken("train_data_batch_2.npz", "train_data_batch_1.npz");
    const release = { counts: { old: { train: 9 }, new: { train: 5 } }, archives: {} };
    const options = { path, split: "train", version: "new" };
    await expect(openImageNet(32, options, release)).rejects.toThrow(/train_data_batch_2\.npz: not a whole zip/);
    const source = await openImageNet(32, { ...options, skipBad: true }, release);
    const all = await readAll(source);
    expect(all.length).toBeGreaterThan(1);
    expect(badOf(all)).toEqual([expect.objectContaining({ whole: true, lost: 0 })]);
    copyFileSync(fixture("train_data_batch_1.npz"), join(path, "train_data_batch_2.npz"));
    await expect(openImageNet(32, { ...options, skipBad: true }, release)).rejects.toThrow(
      /images; the new version has 5/,
    );
  });
});

describe("a published file", () => {
  const path = fixture("valid_32x32.tar");
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  const { size: bytes } = statSync(path);

  it("is told from another of its name by length and hash", async () => {
    expect(await differenceOf(path, { "valid_32x32.tar": { bytes, sha256 } })).toBeUndefined();
    expect(await differenceOf(path, { "train_32x32.tar": { bytes: 1, sha256 } })).toBeUndefined();
    const longer = await differenceOf(path, { "valid_32x32.tar": { bytes: bytes + 1, sha256 } });
    expect(longer!.reason).toBe(`not the published file: ${bytes} bytes, expected ${bytes + 1}`);
    const other = await differenceOf(path, { "valid_32x32.tar": { bytes, sha256: "0".repeat(64) } });
    expect(other!.reason).toBe(`not the published file: sha256 ${sha256}, expected ${"0".repeat(64)}`);
  });

  it("is checked behind its last image, which loses none", async () => {
    const release = (hash: string) => ({
      counts: { old: { test: 3 }, new: { test: 4 } },
      archives: { "valid_32x32.tar": { bytes, sha256: hash } },
    });
    const read = async (from: string, hash: string) =>
      readAll(await openImageNet(32, { path: from, split: "test", version: "old" }, release(hash)));
    expect(badOf(await read(path, sha256))).toEqual([]);
    const other = await read(path, "0".repeat(64));
    expect(other).toHaveLength(4);
    expect(badOf(other)).toEqual([expect.objectContaining({ whole: true, lost: 0 })]);
    const cut = damaged("valid_32x32.tar", (all) => all.subarray(0, all.length - 6000));
    expect(badOf(await read(cut, sha256))[0]!.reason).toMatch(/damaged or cut short/);
  });
});
