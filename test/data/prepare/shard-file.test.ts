import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RecordBatchReader } from "apache-arrow";
import { expect, it } from "vitest";
import { writeDatasetCard } from "../../../src/data/prepare/dataset-card.ts";
import { readManifest } from "../../../src/data/prepare/manifest.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { hashShard, LAYOUT, writeShard } from "../../../src/data/prepare/shard-file.ts";
import { readLayout } from "../../../src/data/prepare/shard-layout.ts";
import { verify } from "../../../src/data/prepare/verify.ts";
import { namesOfClasses } from "../../../src/data/sources/hugging-face.ts";
import { asLayout1, made, temporaryFolder, valuesOf } from "./fixture.ts";

const shape = [4, 5, 3] as const;
const images = Uint8Array.from({ length: 7 * 60 }, (_, i) => (i * i) >> 3);
const labels = Int32Array.of(0, 1, 2, 3, 0, 1, 2);
const classNames = ["cat", "dog", "cow", "yes"];

it("writes layout 1 byte for byte as the versions that had no other", async () => {
  expect(await hashShard({ shape, images, labels }, { layout: 1 })).toEqual({
    bytes: 1066,
    sha256: "55fcb1e3506ecf50e3b75df87e056de332032456a987a23cf2c0bf3cf8aafad9",
  });
  expect(await hashShard({ shape, images }, { layout: 1 })).toEqual({
    bytes: 922,
    sha256: "54a54e280defb842d2ad57ee91f3ed3ebe7e36865ecad633c97e6664eed40853",
  });
});

it("writes the schema before the rows, so that from byte 8 on a shard is a stream", async () => {
  const path = join(temporaryFolder(), "shard-00000.arrow");
  await writeShard(path, { shape, images, labels }, { layout: LAYOUT, classNames });
  const bytes = readFileSync(path);
  const stream = RecordBatchReader.from(bytes.subarray(8)).open();
  const [image] = stream.schema.fields;
  expect(Object.fromEntries(image!.metadata)).toEqual({
    shape: "[4,5,3]",
    "ARROW:extension:name": "arrow.fixed_shape_tensor",
    "ARROW:extension:metadata": '{"shape":[4,5,3]}',
  });
  expect(namesOfClasses(stream.schema.metadata.get("huggingface"), "label")).toEqual(classNames);
  const batches = [...stream];
  expect(batches).toHaveLength(1);
  const pixels = batches[0]!.getChild("image")!.data[0]!.children[0]!.values as Uint8Array;
  // Filled up to 8 bytes.
  expect(pixels.subarray(0, images.length)).toEqual(images);
  expect(batches[0]!.getChild("label")!.toArray()).toEqual(labels);
});

it.each([1, LAYOUT])("finds images and labels in layout %d", async (layout) => {
  const path = join(temporaryFolder(), "shard-00000.arrow");
  // More than was once read of the beginning.
  const many = Array.from({ length: 9000 }, (_, i) => `class number ${i}`);
  await writeShard(path, { shape, images, labels }, { layout, classNames: many });
  const found = readLayout(path);
  const bytes = readFileSync(path);
  expect(found).toMatchObject({ count: 7, width: 60 });
  expect(new Uint8Array(bytes.subarray(found.images, found.images + images.length))).toEqual(images);
  expect(new Int32Array(bytes.buffer.slice(bytes.byteOffset + found.labels!).slice(0, 28))).toEqual(labels);
});

it("reads and compares shards of layout 1, and goes on in it", async () => {
  const directory = temporaryFolder();
  await prepare(made({ length: 33 }), { directory, shardBytes: 600 });
  await asLayout1(directory);
  const said: string[] = [];
  const again = { directory, shardBytes: 600, onMessage: (text: string) => said.push(text) };
  expect(await prepare(made({ length: 33 }), { ...again, verify: true })).toMatchObject({ kept: 33 });
  expect(said).toEqual([`the images of ${directory} are those of the sources, by their hashes`]);
  const before = readFileSync(join(directory, "shard-00003.arrow"));
  for (const name of ["manifest.json", "shard-00003.arrow"]) rmSync(join(directory, name));
  const { manifest } = await prepare(made({ length: 33 }), again);
  expect(manifest!.layout).toBeUndefined();
  expect(readFileSync(join(directory, "shard-00003.arrow"))).toEqual(before);
  expect((await verify(directory)).faults).toEqual([]);
  const shards = await openShards(directory);
  expect(Array.from(shards.gather([32, 0]))).toEqual(valuesOf([32, 0]));
  shards.close();
});

it("names the layout in the manifest, and refuses a later one without touching it", async () => {
  const directory = temporaryFolder();
  const { manifest } = await prepare(made({ length: 12 }), { directory, shardBytes: 600 });
  expect(manifest!.layout).toBe(LAYOUT);
  const path = join(directory, "manifest.json");
  writeFileSync(path, JSON.stringify({ ...manifest, layout: LAYOUT + 1 }));
  const later = readFileSync(path);
  const words = `manifest.json: its shards have layout ${LAYOUT + 1}; this version reads layouts up to ${LAYOUT}`;
  await expect(readManifest(directory)).rejects.toThrow(words);
  await expect(prepare(made({ length: 12 }), { directory, shardBytes: 600 })).rejects.toThrow(words);
  expect(readFileSync(path)).toEqual(later);
});

it("writes a dataset card of the splits, and leaves that of somebody else alone", async () => {
  const folder = temporaryFolder();
  const named = { ...made({ length: 12 }), classNames };
  await prepare(named, { directory: join(folder, "train") });
  await prepare({ ...named, split: "my-test" }, { directory: join(folder, "my-test") });
  await prepare(made({ length: 3, shape: [2, 2, 1] }), { directory: join(folder, "other") });
  await writeDatasetCard(folder);
  const path = join(folder, "README.md");
  const [, front] = readFileSync(path, "utf8").split("---\n");
  expect(JSON.parse(front!)).toEqual({
    configs: [
      {
        config_name: "default",
        data_files: [
          { split: "my_test", path: "my-test/shard-*.arrow" },
          { split: "train", path: "train/shard-*.arrow" },
        ],
      },
    ],
    dataset_info: {
      features: [
        { name: "image", sequence: "uint8", length: 60 },
        { name: "label", dtype: { class_label: { names: { 0: "cat", 1: "dog", 2: "cow", 3: "yes" } } } },
      ],
    },
  });
  writeFileSync(path, "mine");
  await writeDatasetCard(folder);
  expect(readFileSync(path, "utf8")).toBe("mine");
});
