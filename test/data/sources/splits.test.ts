/** A split is what it says, in every format, or refused with the splits that are there. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FILE_NAMES } from "../../../src/data/sources/file-names.ts";
import { findSplit } from "../../../src/data/sources/find-files.ts";
import { openSource, splitsFound } from "../../../src/data/sources/formats.ts";
import { canonicalSplit, namesOfSplit, splitOfFile, splitOfFolder } from "../../../src/data/sources/splits.ts";
import { fixture, readAll, temporaryFolder } from "./fixture.ts";

/** Copies of a fixture by these names. */
function tree(one: string, ...names: string[]): string {
  const folder = join(temporaryFolder(), "data-of-mine");
  for (const name of names) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    copyFileSync(fixture(one), join(folder, name));
  }
  return folder;
}

const open = (format: string, path: string, split: string, more = {}) =>
  openSource(format, { path, split, ...more }, { cacheDir: temporaryFolder(), onProgress: () => {} });
const namesOf = async (folder: string, split: string, more = {}) =>
  (await readAll(await open("folder", folder, split, more))).map(({ name }) => name.slice(folder.length + 1));

describe("names of splits", () => {
  it("are known by one table", () => {
    expect(["val", "valid", "dev", "Validation"].map(canonicalSplit)).toEqual(Array(4).fill("validation"));
    expect(["eval", "testing", "training", "mine"].map(canonicalSplit)).toEqual(["test", "test", "train", "mine"]);
    expect(namesOfSplit("eval")).toEqual(["eval", "test", "testing", "evaluation"]);
  });

  it.each([
    ["x-train-00000-of-00002.parquet", "train"],
    ["val_data.npz", "validation"],
    ["trainer.npy", undefined],
    ["TEST.npy", "test"],
  ])("file %s: %s", (name, split) => expect(splitOfFile(name)).toBe(split));

  it.each([
    ["val2017", "validation"],
    ["test_set", "test"],
    ["train_station", undefined],
    ["cat", undefined],
  ])("folder %s: %s", (name, split) => expect(splitOfFolder(name)).toBe(split));

  it("that tell two splits are refused", () => {
    expect(() => splitOfFile("train-test.npz")).toThrow(/contains the splits train and test\n.*remedy/);
  });
});

describe("a split of a folder of images", () => {
  it("has the folder of any of its names", async () => {
    const folder = tree("colour.png", "train/1.png", "val/2.png");
    for (const split of ["validation", "valid", "dev"]) expect(await namesOf(folder, split)).toEqual(["val/2.png"]);
    await expect(open("folder", folder, "test")).rejects.toThrow(
      /no split test; found: train, validation\n.*--split train or/,
    );
    expect(await splitsFound("folder", folder)).toEqual(["train", "validation"]);
  });

  it("is found one folder down, and in the folders of classes", async () => {
    const down = tree("colour.png", "images/train/1.png", "images/test/2.png");
    expect(await namesOf(down, "test")).toEqual(["images/test/2.png"]);
    await expect(open("folder", down, "val")).rejects.toThrow(/found: train, test\n/);
    const classes = tree("colour.png", "cat/train/1.png", "cat/test/2.png", "dog/train/3.png", "dog/test/4.png");
    const source = await open("folder", classes, "test", { labels: "folders" });
    expect(source.classNames).toEqual(["cat", "dog"]);
    expect((await readAll(source)).map(({ label }) => label)).toEqual([0, 1]);
  });

  it("is not told by a folder without images, such as one that shards are written to", async () => {
    const folder = tree("colour.png", "1.png", "cat/2.png");
    for (const name of ["train", "done/train"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "train/shard-00000.arrow"), "");
    expect(await namesOf(folder, "train")).toEqual(["1.png", "cat/2.png"]);
    expect(await splitsFound("folder", folder)).toEqual(["train"]);
    const split = tree("colour.png", "train/1.png");
    mkdirSync(join(split, "test"));
    expect(await splitsFound("folder", split)).toEqual(["train"]);
    await expect(open("folder", split, "test")).rejects.toThrow(/no split test; found: train\n/);
  });

  it("is not told by one folder among those of classes, and images beside it are counted", async () => {
    expect(await namesOf(tree("colour.png", "cat/1.png", "dog/test/2.png"), "train")).toHaveLength(2);
    const source = await open("folder", tree("colour.png", "train/1.png", "more/2.png"), "train");
    expect(source.passedOver).toEqual([
      { reason: "image beside the folders of splits", count: 1, first: ["more/2.png"] },
    ]);
  });

  it("is never the training images, nor one of two folders", async () => {
    const folder = tree("colour.png", "train/1.png", "val/2.png", "valid/3.png");
    await expect(open("folder", join(folder, "train"), "test")).rejects.toThrow(/no split test; found: train/);
    await expect(open("folder", folder, "validation")).rejects.toThrow(/val and valid are both split validation/);
    expect(await namesOf(folder, "valid")).toEqual(["valid/3.png"]);
    // Test images may be trained on by one who names their folder.
    expect(await namesOf(join(tree("colour.png", "test/1.png"), "test"), "train")).toEqual(["1.png"]);
  });
});

describe.each([
  ["parquet", "train-00000-of-00001.parquet", "parquet"],
  ["tfrecords", "faces-train.tfrecord-00000-of-00001", "tfrecord"],
  ["arrays", "stored.npz", "npz"],
  ["arrow", "hub.arrow", "arrow"],
])("a split of %s", (format, one, ending) => {
  const count = async (path: string, split: string) =>
    (await readAll(await open(format, path, split, { size: 4 }))).length;

  it("is refused when there is another one only, be it a file, a folder, or the file itself", async () => {
    const folder = tree(one, `x-train.${ending}`);
    for (const path of [folder, join(folder, `x-train.${ending}`)]) {
      await expect(open(format, path, "test")).rejects.toThrow(/there is no split test; found: train\n/);
      expect(await splitsFound(format, path)).toEqual(["train"]);
    }
  });

  it("has its files by any of its names, in the folder, in data, or in folders of splits", async () => {
    for (const [train, val] of [
      [`train.${ending}`, `val.${ending}`],
      [`data/a-train.${ending}`, `data/a-valid.${ending}`],
      [`train/0.${ending}`, `dev/0.${ending}`],
      [`default/train/0.${ending}`, `default/validation/0.${ending}`],
    ] as const) {
      const folder = tree(one, train, val);
      expect(await count(folder, "validation")).toBe(await count(join(folder, val), "validation"));
      expect(await splitsFound(format, folder)).toEqual(["train", "validation"]);
      await expect(open(format, folder, "test")).rejects.toThrow(/found: train, validation/);
    }
  });

  it("is all there is where no name tells one; hidden files are no data", async () => {
    const folder = tree(one, `a.${ending}`);
    writeFileSync(join(folder, `._a.${ending}`), "Mac OS X");
    expect(await count(folder, "test")).toBe(await count(join(folder, `a.${ending}`), "test"));
    const { passedOver } = await open(format, folder, "test");
    expect(passedOver).toEqual([{ reason: "hidden", count: 1, first: [`._a.${ending}`] }]);
    expect(await splitsFound(format, folder)).toEqual(["train"]);
  });

  it("is not guessed among several folders", async () => {
    const folder = tree(one, `b/0.${ending}`, `c/0.${ending}`);
    await expect(open(format, folder, "train")).rejects.toThrow(/in several folders: b, c\n.*--from .*b/);
  });
});

it("names the parts of a split that are not there", async () => {
  const folder = tree("train-00000-of-00001.parquet", "train-00001-of-00003.parquet", "test-00000-of-00001.parquet");
  const find = (more = {}) => findSplit({ path: folder, split: "train", ...more }, FILE_NAMES.parquet, "files");
  await expect(find()).rejects.toThrow(/train-00000-of-00003\.parquet: missing/);
  const { faults, passedOver } = await find({ skipBad: true });
  expect(faults).toHaveLength(2);
  expect(passedOver).toMatchObject([{ reason: "of split test", count: 1 }]);
});

it("of SVHN and ImageNet is refused in the file of another", async () => {
  await expect(open("svhn", fixture("train_32x32.mat"), "test")).rejects.toThrow(/no split test; found: train/);
  expect(await splitsFound("svhn", fixture("train_32x32.mat"))).toEqual(["train"]);
  const both = join(temporaryFolder(), "train-and-test");
  mkdirSync(both);
  expect(await splitsFound("svhn", both)).toEqual(["train", "test"]);
  const archive = join(temporaryFolder(), "train_32x32.tar");
  writeFileSync(archive, "");
  await expect(open("imagenet32", archive, "test", { version: "old" })).rejects.toThrow(/no split test; found: train/);
});
