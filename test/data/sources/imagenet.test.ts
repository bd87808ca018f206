import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { describe, expect, it } from "vitest";
import { COUNTS, checkCount, openImageNet } from "../../../src/data/sources/imagenet.ts";
import { badOf, damaged, expected, fixture, fixtures, folderWith, readAll, withoutNames } from "./fixture.ts";

/** The counts of the fixtures. */
const counts = { old: { train: 9, test: 3 }, new: { train: 5, test: 2 } };
const shape = [32, 32, 3] as const;
const open = (path: string, version: string | undefined, split = "train", given: typeof counts = counts) =>
  openImageNet(32, { path, split, version }, { counts: given, archives: {} });

describe("openImageNet", () => {
  it("reads the npz batches of the new version in the order of their numbers, classes from 0", async () => {
    const source = await open(fixtures, "new");
    expect(source).toMatchObject({ format: "imagenet32", version: "new", length: 5, classes: 1000 });
    expect(withoutNames(await readAll(source))).toEqual(expected([0, 100, 200, 300, 400], shape));
    expect(withoutNames(await readAll(await open(fixtures, "new", "test")))).toEqual(expected([500, 600], shape, 5));
  });

  it("reads the PNG archive of the old version", async () => {
    const all = await readAll(await open(fixtures, "old", "test"));
    expect(withoutNames(all)).toEqual(expected([undefined, undefined, undefined], shape));
    expect(all[1]!.name).toBe(`${fixture("valid_32x32.tar")}: entry 2, valid_32x32/00001.png`);
  });

  it("reads the folder that the archive was unpacked to", async () => {
    const folder = folderWith("colour.png");
    mkdirSync(join(folder, "valid_32x32"));
    for (const i of [0, 1, 2]) copyFileSync(fixture("colour.png"), join(folder, `valid_32x32/${i}.png`));
    const source = await open(folder, "old", "test");
    expect(source).toMatchObject({ length: 3, shape });
    expect(await readAll(source)).toHaveLength(3);
  });

  it("reads what TensorFlow Datasets made of the archive, and checks the number of images at the end", async () => {
    const folder = folderWith();
    const to = (i: number) => join(folder, `downsampled_imagenet-validation.tfrecord-0000${i}-of-00002`);
    for (const i of [1, 0]) copyFileSync(fixture("faces-train.tfrecord-00000-of-00001"), to(i));
    const ten = { old: { train: 9, test: 10 }, new: counts.new };
    const source = await openImageNet(
      32,
      { path: folder, split: "test", version: "old", size: 32 },
      { counts: ten, archives: {} },
    );
    expect(source).toMatchObject({ format: "imagenet32", version: "old", length: 10 });
    const all = await readAll(source);
    expect(all.map(({ shape: found }) => found)).toEqual(Array.from({ length: 10 }, () => [...shape]));
    expect(all[5]!.name).toBe(`${to(1)}: record 0`);
    const nine = { old: { train: 9, test: 9 }, new: counts.new };
    await expect(readAll(await open(folder, "old", "test", nine))).rejects.toThrow(/10 images; the old version has 9/);
    writeFileSync(to(1), Buffer.alloc(40));
    expect(badOf(await readAll(await open(folder, "old", "test", nine)))).toMatchObject([{ whole: true }]);
  });

  it("takes no folder for a batch", async () => {
    const folder = folderWith();
    mkdirSync(join(folder, "val_data.npz"));
    await expect(open(folder, "new", "test")).rejects.toThrow(/expected val_data\.npz of the npz release/);
  });

  it("refuses to guess the version", async () => {
    await expect(open(fixtures, undefined)).rejects.toThrow(/results on one cannot be compared.*\n.*--version old/);
    await expect(open(fixtures, "2017")).rejects.toThrow(/there is no such version/);
  });

  it("knows the versions by their numbers of images", () => {
    expect(COUNTS.old.test).toBe(49_999);
    expect(COUNTS.new.test).toBe(50_000);
    expect(() => checkCount(50_000, "new", "test", "data", COUNTS)).not.toThrow();
    expect(() => checkCount(50_000, "old", "test", "data", COUNTS)).toThrow(
      /50000 images, which is the number of the new version; the old version has 49999.*\n.*--version new/,
    );
    expect(() => checkCount(1_281_149, "new", "train", "data", COUNTS)).toThrow(/number of the old version/);
    expect(() => checkCount(7, "new", "train", "data", COUNTS)).toThrow(/7 images; the new version has 1281167/);
  });

  it("refuses another number of images, before the first for batches and at the end for an archive", async () => {
    const swapped = { old: counts.new, new: counts.old };
    await expect(open(fixtures, "new", "test", swapped)).rejects.toThrow(/2 images, which is the number of the old/);
    const archive = await open(fixtures, "old", "test", swapped);
    await expect(readAll(archive)).rejects.toThrow(/3 images, which is the number of the new/);
  });

  it("refuses the container of the other version", async () => {
    await expect(open(folderWith("val_data.npz"), "old", "test")).rejects.toThrow(/npz batches are --version new/);
    await expect(open(folderWith("valid_32x32.tar"), "new", "test")).rejects.toThrow(
      /expected val_data\.npz.*\n.*PNG archives are --version old/,
    );
    await expect(
      openImageNet(64, { path: fixtures, split: "test", version: "new" }, { counts, archives: {} }),
    ).rejects.toThrow(/is \[2, 3072\] of \|u1, expected bytes \[N, 12288\]/);
  });

  it("gives a bad entry for a PNG that is damaged, and goes on", async () => {
    const path = damaged("valid_32x32.tar", (bytes) => {
      bytes[bytes.indexOf("IDAT") + 20]! ^= 255;
      return bytes;
    });
    const all = await readAll(await open(path, "old", "test"));
    expect(all.map(({ bad }) => bad !== undefined)).toEqual([true, false, false]);
    expect(badOf(all)[0]!.message).toMatch(/entry 1, valid_32x32\/00000\.png: it cannot be decoded/);
  });

  it("says where an archive is cut short", async () => {
    const path = damaged("valid_32x32.tar", (bytes) => bytes.subarray(0, 2500));
    const source = await open(path, "old", "test", { ...counts, old: { train: 9, test: 2 } });
    expect(badOf(await readAll(source))[0]!.reason).toMatch(/damaged or cut short/);
  });

  it("refuses a packed archive whose entry would fill the memory", async () => {
    const header = (await packTar([{ header: { name: "a.png", size: 0, type: "file" }, body: "" }])).subarray(0, 512);
    const big = Buffer.from(header);
    big.write("27777777777", 124, "latin1");
    big.fill(" ", 148, 156);
    const sum = big.reduce((a, b) => a + b, 0);
    big.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    const path = join(folderWith(), "valid_32x32.tar.gz");
    writeFileSync(path, gzipSync(Buffer.concat([big, Buffer.alloc(1 << 20)])));
    const [bad] = badOf(await readAll(await open(path, "old", "test")));
    expect(bad!.message).toMatch(/valid_32x32\.tar\.gz: entry 0, a\.png: 3221225471 bytes are too many for an image/);
  });

  it("refuses an entry that leads out of the folder", async () => {
    const folder = folderWith("valid_32x32.tar");
    const file = (name: string) => ({ header: { name, size: 3, type: "file" as const }, body: "png" });
    const names = ["../outside.png", "/etc/a.png", "a/../../b.png", "C:\\a.png"];
    writeFileSync(join(folder, "evil.tar"), await packTar(names.map(file)));
    renameSync(join(folder, "evil.tar"), join(folder, "valid_32x32.tar"));
    const source = await open(folder, "old", "test", { ...counts, old: { train: 9, test: 4 } });
    const bad = badOf(await readAll(source));
    expect(bad.map(({ reason }) => reason)).toEqual(names.map(() => "its name leads out of the archive's folder"));
    expect(bad[0]!.where).toMatch(/valid_32x32\.tar: entry 0, \.\.\/outside\.png$/);
  });
});
