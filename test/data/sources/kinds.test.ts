/** Kinds of files that people bring: what was silently wrong, or told with a remedy that does not help. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import { packTar } from "modern-tar";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/base/crc.ts";
import { writeFileAtomic } from "../../../src/data/formats/arrow-file.ts";
import { zipPieces } from "../../../src/data/formats/zip-pieces.ts";
import { cellEntry } from "../../../src/data/sources/cell.ts";
import { openSource, splitsFound } from "../../../src/data/sources/formats.ts";
import { splitsOfFolders } from "../../../src/data/sources/splits.ts";
import { badOf, fixture, pattern, readAll, temporaryFolder } from "./fixture.ts";

const open = (format: string, path: string, more = {}) =>
  openSource(format, { path, split: "train", ...more }, { cacheDir: temporaryFolder(), onProgress: () => {} });
const png = (i: number) => encode({ width: 6, height: 4, channels: 3, data: Uint8Array.from(pattern(i, 4, 6, 3)) });

/** Files below a new folder. */
function files(content: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(temporaryFolder(), "mine");
  for (const [name, bytes] of Object.entries(content)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

/** An .npy file; values are bytes. */
function npy(shape: readonly number[], value: number, type = "|u1"): Buffer {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(117);
  const body = Buffer.alloc(
    shape.reduce((a, b) => a * b, 1),
    value,
  );
  return Buffer.concat([Buffer.from(`\x93NUMPY\x01\0v\0${header}\n`, "latin1"), body]);
}

async function npz(arrays: Readonly<Record<string, Buffer>>): Promise<string> {
  const path = join(temporaryFolder(), "data.npz");
  await writeFileAtomic(path, zipPieces(new Map(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, [bytes]])))); // prettier-ignore
  return path;
}

const keras = () =>
  npz({ x_train: npy([3, 4, 4, 3], 1), y_train: npy([3], 5), x_test: npy([2, 4, 4, 3], 2), y_test: npy([2], 6) });

describe("splits that names of arrays tell", () => {
  it("are read each by itself, with its labels", async () => {
    const path = await keras();
    expect(await splitsFound("arrays", path)).toEqual(["train", "test"]);
    const test = await readAll(await open("arrays", path, { split: "eval" }));
    expect(test.map(({ label, data }) => [label, data![0]])).toEqual([
      [6, 2],
      [6, 2],
    ]);
    expect(await readAll(await open("arrays", path))).toHaveLength(3);
  });

  it("are refused where they are not there, and never mixed", async () => {
    const path = await keras();
    await expect(open("arrays", path, { split: "val" })).rejects.toThrow(/no split val; found: train, test/);
    const named = open("arrays", path, { split: "test", imageColumn: "x_train" });
    await expect(named).rejects.toThrow(/no split test; found: train/);
    const trained = await readAll(await open("arrays", path, { imageColumn: "x_test" }));
    expect(trained.map(({ label }) => label)).toEqual([6, 6]);
  });

  it.each([["X_train", "X_val"], ["train_images", "val_images"], ["trainImages", "valImages"]])("as %s", async (train, val) => {
    const path = await npz({ [train]: npy([3, 4, 4], 1), [val]: npy([2, 4, 4], 2) });
    expect(await splitsFound("arrays", path)).toEqual(["train", "validation"]);
    expect(await readAll(await open("arrays", path, { split: "validation" }))).toHaveLength(2);
  }); // prettier-ignore
});

describe("splits that names of folders tell together", () => {
  it.each([
    [
      ["cars_train", "cars_test"],
      ["train", "test"],
    ],
    [
      ["trainA", "trainB", "testA"],
      ["train", "train", "test"],
    ],
    [
      ["DIV2K_train_HR", "DIV2K_valid_HR"],
      ["train", "validation"],
    ],
    [["train_station", "cat"], []],
    [["cars_train", "trucks_test"], []],
  ])("%s", (names, splits) => expect([...splitsOfFolders(names).values()]).toEqual(splits));

  it("are never merged", async () => {
    const folder = files({ "cars_train/1.png": png(1), "cars_test/2.png": png(2) });
    expect(await splitsFound("folder", folder)).toEqual(["train", "test"]);
    expect((await readAll(await open("folder", folder))).map(({ name }) => name)).toEqual([join(folder, "cars_train/1.png")]); // prettier-ignore
    const pairs = files({ "trainA/1.png": png(1), "trainB/1.png": png(1), "testA/1.png": png(2) });
    await expect(open("folder", pairs)).rejects.toThrow(/trainA and trainB are both split train\n.*--from .*trainA/);
  });

  it("count beside a folder that has none, but one such folder alone may be a class", async () => {
    const yolo = files({ "images/train/1.png": png(1), "images/val/2.png": png(2), "masks/1.png": png(3) });
    const source = await open("folder", yolo);
    expect(await readAll(source)).toHaveLength(1);
    expect(source.passedOver!.map(({ reason }) => reason).sort()).toEqual(["image beside the folders of splits", "of split validation"]); // prettier-ignore
    const classes = files({ "rail/train/1.png": png(1), "road/1.png": png(2) });
    expect(await readAll(await open("folder", classes))).toHaveLength(2);
  });
});

describe("arrays that are no images", () => {
  it.each([
    [npy([8, 8, 3], 0), /looks like one image of 3 channels.*\n.*image\[None\]/],
    [npy([2, 8, 8, 4], 0), /not a shape of images.*\n.*images\[\.\.\., :3\]/],
    [npy([2, 3, 8, 8], 0), /not a shape of images.*\n.*--layout chw/],
    [npy([8, 8, 3, 2], 0), /not a shape of images.*\n.*transpose\(images, \(3, 0, 1, 2\)\)/],
  ])("%#", async (bytes, message) => {
    await expect(open("arrays", files({ "train.npy": bytes }))).rejects.toThrow(message);
  });

  it.each([
    [npy([2, 4], 0), /labels: its shape is \[2, 4\], expected one label/],
    [npy([2], 0, "<U1"), /labels: the labels are of type <U1, not integers/],
  ])("and labels that are no classes: %#", async (labels, message) => {
    const path = await npz({ images: npy([2, 8, 8, 3], 0), labels });
    await expect(open("arrays", path)).rejects.toThrow(message);
    await expect(open("arrays", path)).rejects.toThrow(/--label-column none/);
    expect(await readAll(await open("arrays", path, { labelColumn: "none" }))).toHaveLength(2);
  });
});

describe("files that are something else than their names say", () => {
  const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
  const { parquet, tfrecords } = { parquet: readFileSync(fixture("train-00000-of-00001.parquet")), tfrecords: "" };
  it.each([
    ["parquet", "train.parquet", lfs, /pointer of Git LFS.*\n.*git lfs pull/],
    ["tfrecords", "train.tfrecord", "<!DOCTYPE html>", /a web page\n.*download/],
    ["arrow", "train.arrow", parquet, /a Parquet file\n.*--format parquet/],
    ["arrow", "train.feather", "FEA1....", /Feather version 1.*\n.*write_feather/],
    ["tfrecords", "train.tfrecord", tfrecords, /train\.tfrecord: empty/],
    ["webdataset", "train.tar", "", /train\.tar: empty/],
    ["parquet", "train.parquet", "", /train\.parquet: empty/],
    ["arrays", "train.npz", "\x89HDF\r\n", /HDF5.*\n.*numpy\.savez/],
  ])("%s: %s %#", async (format, name, content, message) => {
    const folder = files({ [name]: typeof content === "string" ? Buffer.from(content, "latin1") : content });
    await expect(open(format, folder)).rejects.toThrow(message);
    const [bad] = badOf(await readAll(await open(format, folder, { skipBad: true })));
    expect(bad).toMatchObject({ whole: true, lost: 0 });
  });

  it.each([
    [lfs, /pointer of Git LFS/],
    ["BM......", /a BMP picture, which is not read/],
  ])("images, too: %#", async (content, message) => {
    const bad = badOf(await readAll(await open("folder", files({ "a.png": content }))));
    expect(bad.map((one) => one.message)).toEqual([expect.stringMatching(message)]);
  });

  it("have a remedy where nothing is read", async () => {
    const safe = open("arrays", files({ "train.safetensors": "x" }));
    await expect(safe).rejects.toThrow(/found train\.safetensors\n.*numpy\.savez/);
    await expect(open("folder", files({ "a.zip": "x" }))).rejects.toThrow(/remedy: unpack the archive/);
  });

  it("whose endings are in capitals are read", async () => {
    expect(await readAll(await open("arrays", files({ "TRAIN.NPY": npy([2, 4, 4], 0) })))).toHaveLength(2);
  });
});

describe("cells of tables", () => {
  const load = async (cell: unknown, label?: unknown, more = {}) => {
    const { name, label: found, load } = cellEntry("row 0", cell, label, { path: "", split: "train", ...more });
    return { name, label: found, ...(await load()) };
  };
  it("with a list of one encoded image are that image, and rows of pixels stay pixels", async () => {
    expect(Array.from((await load([png(1)])).data)).toEqual(pattern(1, 4, 6, 3));
    expect((await load([Uint8Array.of(1, 2, 3)])).shape).toEqual([1, 3, 1]);
    await expect(load([png(1), png(2)])).rejects.toThrow(/2 images in its cell, expected one/);
  });

  it("with bytes of the shape that is said are pixels", async () => {
    const bytes = Uint8Array.from(pattern(1, 4, 6, 3));
    expect(await load(bytes, true, { shape: [4, 6, 3] })).toMatchObject({ data: bytes, shape: [4, 6, 3], label: 1 });
    expect((await load(png(1), 0, { shape: [4, 6, 3] })).shape).toEqual([4, 6, 3]);
  });

  it("name a list of labels", () => {
    expect(() => cellEntry("row 0", png(1), [1, 2], { path: "", split: "train" })).toThrow(/the label \[1, 2\] is not/);
  });
});

describe("WebDataset", () => {
  async function archive(...members: (readonly [name: string, body: string | Uint8Array, type?: string])[]) {
    const entries = members.map(([name, body, type = "file"]) => ({
      header: { name, size: type === "file" ? body.length : 0, type, ...(type === "file" ? {} : { linkname: "0.png" }) },
      ...(type === "file" ? { body } : {}),
    })); // prettier-ignore
    return files({ "a.tar": await packTar(entries as Parameters<typeof packTar>[0]) });
  }
  const read = async (folder: string) => {
    const source = await open("webdataset", folder);
    const all = await readAll(source);
    return { all, over: Object.fromEntries(source.passedInside!().map(({ reason, count }) => [reason, count])) };
  };

  it("counts second images, links, and labels without an image", async () => {
    const folder = await archive(["0.jpg", png(0)], ["0.png", png(1)], ["1.png", "", "symlink"], ["2.cls", "1"]);
    const { all, over } = await read(folder);
    expect(all).toHaveLength(1);
    expect(over).toEqual({ "a second image of its sample: not read": 1, "symlink in an archive: not read": 1, "of no image": 1 }); // prettier-ignore
  });

  it("reads endings in any case, and tells of a name that is there twice", async () => {
    const { all } = await read(await archive(["0.PNG", png(0)], ["0.CLS", "3"]));
    expect(all.map(({ label }) => label)).toEqual([3]);
    const twice = await read(await archive(["0.png", png(0)], ["0.png", png(1)]));
    expect(badOf(twice.all)[0]!.message).toMatch(/entry 1, 0\.png: a file of this name is in the sample already/);
    expect(twice.all.some(({ data }) => data?.[0] === pattern(0, 4, 6, 3)[0])).toBe(true);
  });
});

describe("TFRecord", () => {
  const field = (n: number, bytes: Uint8Array | string): Buffer => {
    const body = Buffer.from(bytes as Uint8Array);
    const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
    return Buffer.concat([Buffer.from([(n << 3) | 2, ...length]), body]);
  };
  const feature = (name: string, value: Buffer) => field(1, Buffer.concat([field(1, name), field(2, value)]));
  const masked = (bytes: Buffer) => {
    const crc = crc32c(bytes);
    const out = Buffer.alloc(4);
    out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
    return out;
  };
  const record = (label: Buffer) => {
    const body = field(1, Buffer.concat([feature("image", field(1, field(1, png(0)))), feature("label", label)]));
    const length = Buffer.alloc(8);
    length.writeUInt32LE(body.length);
    return files({ "a.tfrecord": Buffer.concat([length, masked(length), body, masked(body)]) });
  };
  const ints = (...values: number[]) => field(3, field(1, Uint8Array.from(values)));

  it("refuses labels that are text or several, and reads those in floats", async () => {
    const read = async (label: Buffer) => readAll(await open("tfrecords", record(label)));
    await expect(read(field(1, field(1, "3")))).rejects.toThrow(/record 0: the label "3" is not an integer/);
    await expect(read(ints(1, 2))).rejects.toThrow(/the label \[1, 2\] is not an integer/);
    expect((await read(ints(7)))[0]!.label).toBe(7);
    expect((await read(field(2, field(1, Uint8Array.of(0, 0, 0x40, 0x40)))))[0]!.label).toBe(3);
  });
});
