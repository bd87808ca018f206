/** Every format says what lies beside its images, or among them, and is not read. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { packTar } from "modern-tar";
import { expect, it } from "vitest";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { openCifar10 } from "../../../src/data/sources/cifar10.ts";
import { openCelebA } from "../../../src/data/sources/celeba.ts";
import { openMnist } from "../../../src/data/sources/idx.ts";
import { openImageNet } from "../../../src/data/sources/imagenet.ts";
import { openParquet } from "../../../src/data/sources/parquet.ts";
import type { Source } from "../../../src/data/sources/source.ts";
import { openSvhn } from "../../../src/data/sources/svhn.ts";
import { openTfRecords } from "../../../src/data/sources/tfrecords.ts";
import { openWebDataset } from "../../../src/data/sources/webdataset.ts";
import { writeShard } from "../../../src/data/prepare/shard-file.ts";
import { archive, manifest, writeFiles } from "../cifar10-fixture.ts";
import { fixture, folderWith, readAll, temporaryFolder } from "./fixture.ts";

/** Files beside those that are read. */
function besides(folder: string, ...names: string[]): string {
  mkdirSync(join(folder, "old"));
  for (const name of ["notes.txt", ".DS_Store", ...names]) writeFileSync(join(folder, name), "x");
  return folder;
}

const counted = async (source: Source | Promise<Source>) =>
  Object.fromEntries(((await source).passedOver ?? []).map(({ reason, count }) => [reason, count]));

const release = { counts: { old: { train: 9, test: 3 }, new: { train: 5, test: 2 } }, archives: {} };
const train = "train";

it("SVHN", async () => {
  const path = besides(folderWith("train_32x32.mat", "test_32x32.mat"), "extra_32x32.mat");
  const others = { hidden: 1, ".txt: not read": 1, "folder: not read": 1, "of split test": 1, "of split extra": 1 };
  expect(await counted(openSvhn({ path, split: train }))).toEqual(others);
  expect(await counted(openSvhn({ path: join(path, "train_32x32.mat"), split: train }))).toEqual({});
});

it("MNIST and EMNIST", async () => {
  const folder = temporaryFolder();
  const header = (axes: number) => Buffer.from([0, 0, 8, axes, ...Array<number[]>(axes).fill([0, 0, 0, 1]).flat()]);
  for (const prefix of ["train", "t10k"]) {
    writeFileSync(join(folder, `${prefix}-images-idx3-ubyte`), Buffer.concat([header(3), Buffer.of(7)]));
    writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte`), Buffer.concat([header(1), Buffer.of(3)]));
  }
  const path = besides(folder, "emnist-letters-test-labels-idx1-ubyte.gz");
  const others = { hidden: 1, ".txt: not read": 1, "folder: not read": 1, "of split test": 3 };
  expect(await counted(openMnist({ path, split: train }))).toEqual(others);
  const without = { ...others, "without an ending: not read": 1 };
  expect(await counted(openMnist({ path, split: train, labelColumn: "none" }))).toEqual(without);
});

it("CIFAR-10: what is not read of files, their folder and the archive", async () => {
  const open = async (path: string, split: string) => {
    const source = await openCifar10(
      { path, split },
      temporaryFolder(),
      { onProgress() {} },
      { manifest, sources: [] },
    );
    return [source.files.map((file) => basename(file.path)), await counted(source)];
  };
  const both = { hidden: 1, ".txt: not read": 1, "folder: not read": 1 };
  const path = besides(temporaryFolder());
  writeFileSync(join(path, "cifar-10-binary.tar.gz"), await archive());
  expect(await open(path, "test")).toEqual([["cifar-10-binary.tar.gz"], both]);
  // The files go before the archive, which then is not read.
  writeFiles(join(path, "cifar-10-batches-bin"));
  writeFileSync(join(path, "cifar-10-batches-bin", "readme.html"), "x");
  const names = manifest.files.map((file) => file.name);
  expect(await open(path, train)).toEqual([names, { ...both, ".html: not read": 1, ".gz: not read": 1 }]);
});

it("ImageNet of both versions", async () => {
  const batches = besides(folderWith("train_data_batch_1.npz", "train_data_batch_2.npz", "val_data.npz"));
  const open = (path: string, version: string, split: string) => openImageNet(32, { path, split, version }, release);
  const both = { hidden: 1, ".txt: not read": 1, "folder: not read": 1 };
  const found = await counted(open(batches, "new", train));
  expect(found).toMatchObject({ ...both, "of split test": 1 });
  expect(await counted(open(besides(folderWith("valid_32x32.tar"), "train_32x32.tar"), "old", "test"))).toEqual({
    ...both,
    "of split train": 1,
  });
});

it("CelebA, with the images of the other splits", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "img_align_celeba"));
  writeFileSync(join(folder, "list_eval_partition.txt"), "1.jpg 0\n2.jpg 1\n3.jpg 0\n4.jpg 2\n");
  const others = { hidden: 1, ".txt: not read": 1, "folder: not read": 1 };
  expect(await counted(openCelebA({ path: besides(folder), split: train }))).toEqual({
    ...others,
    "of split validation": 1,
    "of split test": 1,
  });
});

it("arrays, tables and records: files, arrays and columns", async () => {
  const arrays = besides(folderWith("stored.npz"));
  expect(await counted(openArrays({ path: arrays, split: train, labelColumn: "none" }))).toEqual({
    hidden: 1,
    ".txt: not read": 1,
    "other array: not read": 1,
  });
  const records = besides(folderWith("ffhq-r02.tfrecords"));
  expect(await counted(openTfRecords({ path: records, split: train }))).toEqual({ hidden: 1, ".txt: not read": 1 });
  const table = { path: fixture("train-00000-of-00001.parquet"), split: train, labelColumn: "none" };
  expect((await openParquet(table)).passedOver).toEqual([
    { reason: "other column: not read", count: 1, first: ["label"] },
  ]);
  const stream = { path: fixture("hub.arrow"), split: train, labelColumn: "none" };
  expect((await openArrow(stream)).passedOver).toEqual([
    { reason: "other column: not read", count: 1, first: ["label"] },
  ]);
});

it("WebDataset, counted anew each time that the archives are read, in the manifest too", async () => {
  const path = join(temporaryFolder(), "a.tar");
  const image = readFileSync(fixture("colour.png"));
  const members = [["0.png", image], ["0.json", "{}"], ["0.txt", "a cat"], ["1.png", image], ["1.json", "{}"]] as const; // prettier-ignore
  const entries = members.map(([name, body]) => ({ header: { name, size: body.length, type: "file" as const }, body }));
  writeFileSync(path, await packTar(entries));
  const source = await openWebDataset({ path, split: train });
  for (let time = 0; time < 2; time++) await readAll(source);
  const inside = [
    { reason: ".json: not read", count: 2, first: ["0.json", "1.json"] },
    { reason: ".txt: not read", count: 1, first: ["0.txt"] },
  ];
  expect(source.passedInside!()).toEqual(inside);
  const { manifest } = await prepare(source, { directory: temporaryFolder() });
  expect(manifest!.passedOver).toEqual(inside);
});

it("Arrow files keep the names of classes", async () => {
  const path = join(temporaryFolder(), "a.arrow");
  const shard = { shape: [2, 2, 1] as const, images: new Uint8Array(8), labels: Int32Array.of(1, 0) };
  await writeShard(path, shard, { layout: 2, classNames: ["cat", "dog"] });
  expect((await openArrow({ path, split: train })).classNames).toEqual(["cat", "dog"]);
  expect((await openArrow({ path, split: train, labelColumn: "none" })).classNames).toBeUndefined();
});

it("labels are left out by --label-column none in named data sets too", async () => {
  const none = { split: train, labelColumn: "none" };
  const labelsOf = async (source: Promise<Source>) => (await readAll(await source)).map(({ label }) => label);
  expect(await labelsOf(openSvhn({ path: fixture("train_32x32.mat"), ...none }))).toEqual(Array(4).fill(undefined));
  const batches = folderWith("train_data_batch_1.npz", "train_data_batch_2.npz");
  const source = openImageNet(32, { path: batches, version: "new", ...none }, release);
  expect(await labelsOf(source)).toEqual(Array(5).fill(undefined));
});
