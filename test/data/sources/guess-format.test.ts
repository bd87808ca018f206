import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { parseDataOptions } from "../../../src/cli/data-options.ts";
import { guessFormat } from "../../../src/data/sources/guess-format.ts";
import { fixture, temporaryFolder } from "./fixture.ts";

it.each([
  ["train_data_batch_1.npz", "imagenet32 --version new"],
  ["val_data.npz", "imagenet32 --version new"],
  ["valid_32x32.tar", "imagenet32 --version old"],
  ["downsampled_imagenet-train.tfrecord-00000-of-00032", "imagenet32 --version old"],
  ["train_64x64.tar", "imagenet64 --version old"],
  ["train-images-idx3-ubyte.gz", "mnist"],
  ["test_32x32.mat", "svhn"],
  ["list_eval_partition.txt", "celeba --size 64"],
  ["cifar-10-binary.tar.gz", "cifar10"],
  ["train-00000-of-00002.parquet", "parquet"],
  ["ffhq-r08.tfrecords", "tfrecords"],
  ["celeba-train.tfrecord-00000-of-00064", "tfrecords"],
  ["monet00-20.tfrec", "tfrecords"],
  ["train-00000-of-01024", "tfrecords"],
  ["train-000000.tar", "webdataset"],
  ["emnist-letters-train-images-idx3-ubyte.gz", "mnist --transpose"],
  ["images.npy", "arrays"],
  ["data.arrow", "arrow"],
  ["cat.jpg", "folder --size 32"],
])("takes a folder with %s for %s, which prepare understands", (name, format) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "more"));
  writeFileSync(join(folder, name), "");
  expect(guessFormat(folder)).toBe(format);
  const words = `prepare --format ${format} --from ${folder} --out x`.split(" ");
  expect(parseDataOptions(words)).toMatchObject({ command: "prepare", format: format.split(" ")[0] });
});

it.each([
  ["data/train-00000-of-00002.parquet", "parquet"],
  ["mnist/train-00000-of-00001.parquet", "parquet"],
  ["default/1.0/train/data-00000-of-00001.arrow", "arrow"],
  ["n01/cat.jpg", "folder --size 32"],
  [".cache/old.parquet", "folder --size 32"],
])("looks into the folders of a hub layout: %s", (name, format) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, dirname(name)), { recursive: true });
  for (const file of ["README.md", "dataset_infos.json", "._a.parquet", name]) writeFileSync(join(folder, file), "");
  expect(guessFormat(folder)).toBe(format);
});

it("passes over a folder whose name is no UTF-8", () => {
  const folder = temporaryFolder();
  mkdirSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)]));
  mkdirSync(join(folder, "z"));
  writeFileSync(join(folder, "z", "a.parquet"), "");
  expect(guessFormat(folder)).toBe("parquet");
});

it("takes a file by its name, and knows when there is nothing", () => {
  expect(guessFormat(fixture("hub.arrow"))).toBe("arrow");
  expect(guessFormat(join(temporaryFolder(), "none"))).toBeUndefined();
});
