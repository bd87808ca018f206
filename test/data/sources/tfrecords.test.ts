import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32, crc32c } from "../../../src/base/crc.ts";
import { openTfRecords } from "../../../src/data/sources/tfrecords.ts";
import {
  badOf,
  damaged,
  expected,
  fixture,
  flipByte,
  folderWith,
  readAll,
  temporaryFolder,
  withoutNames,
} from "./fixture.ts";

const open = (path: string) => openTfRecords({ path, split: "train" });
const name = "ffhq-r02.tfrecords";
const none = expected([undefined, undefined, undefined, undefined, undefined], [4, 6, 3]);
/** Bytes of a record of the fixture: length, checksum, data, checksum; 610 bytes are five. */
const record = 122;

describe("crc", () => {
  it("gives the check values of both polynomials, in one piece and in two", () => {
    const text = Buffer.from("123456789");
    expect(crc32(text)).toBe(0xcbf43926);
    expect(crc32c(text)).toBe(0xe3069283);
    expect(crc32(text.subarray(5), crc32(text.subarray(0, 5)))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0), crc32(text))).toBe(0xcbf43926);
  });
});

describe("openTfRecords", () => {
  it("reads pixels with their shape, as FFHQ and LSUN have them", async () => {
    expect(withoutNames(await readAll(await open(fixture(name))))).toEqual(none);
  });

  it("reads encoded images with labels, as TensorFlow Datasets has them", async () => {
    const all = await readAll(await open(folderWith("faces-train.tfrecord-00000-of-00001")));
    expect(withoutNames(all)).toEqual(expected([3, 1, 4, 1, 5], [4, 6, 3]));
    expect(all[4]!.name).toMatch(/faces-train\.tfrecord-00000-of-00001: record 4$/);
  });

  it("reads files that TensorFlow packed by gzip, by whatever name", async () => {
    expect(withoutNames(await readAll(await open(fixture("packed.tfrecords"))))).toEqual(none);
    for (const stored of ["packed.tfrecords", name]) {
      const path = damaged(stored, (bytes) => bytes, "faces.tfrecord.gz");
      expect(withoutNames(await readAll(await open(path)))).toEqual(none);
    }
  });

  it("reads features of other names, and says which there are", async () => {
    const path = damaged("faces-train.tfrecord-00000-of-00001", (bytes) => bytes, "faces.tfrecord");
    const named = { path, split: "train", imageColumn: "image", labelColumn: "none" };
    expect((await readAll(await openTfRecords(named))).map(({ label }) => label)).toEqual(none.map(() => undefined));
    const missing = readAll(await openTfRecords({ ...named, imageColumn: "photo" }));
    await expect(missing).rejects.toThrow(/record 0: no feature photo, found .*image.*\n.*--image-column/);
  });

  it("refuses the resolutions of FFHQ side by side", async () => {
    const folder = folderWith(name);
    copyFileSync(fixture(name), join(folder, "ffhq-r03.tfrecords"));
    await expect(open(folder)).rejects.toThrow(/several resolutions: ffhq-r02\.tfrecords, ffhq-r03\.tfrecords\n.*r03/);
  });

  it("refuses a folder that has other splits only", async () => {
    const folder = folderWith("train-00000-of-00001.parquet", "faces-train.tfrecord-00000-of-00001");
    await expect(openTfRecords({ path: folder, split: "test" })).rejects.toThrow(/no split test; found: train\n/);
  });

  it("leaves out a damaged record and reads the next", async () => {
    const path = damaged(name, (bytes) => flipByte(bytes, record + 60));
    const all = await readAll(await open(path));
    expect(badOf(all)).toMatchObject([{ where: `${path}: record 1`, reason: "damaged: its checksum is wrong" }]);
    expect(all).toHaveLength(5);
    expect(all[2]!.data).toEqual(none[2]!.data);
  });

  it("does not believe a damaged length: what follows is lost", async () => {
    const path = damaged(name, (bytes) => flipByte(bytes, 2 * record + 6));
    const all = await readAll(await open(path));
    expect(all).toHaveLength(3);
    expect(badOf(all)[0]!.message).toMatch(/record 2: its length is damaged; all after it is lost/);
  });

  it("says where a file is cut short", async () => {
    const path = damaged(name, (bytes) => bytes.subarray(0, 3 * record + 50));
    const all = await readAll(await open(path));
    expect(all).toHaveLength(4);
    expect(badOf(all)[0]!.reason).toMatch(/cut short: it ends at byte 416/);
  });

  it("refuses a record of millions of empty fields or numbers, and one that is too long", async () => {
    const masked = (bytes: Uint8Array) => {
      const crc = crc32c(bytes);
      const out = Buffer.alloc(4);
      out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
      return out;
    };
    const head = (length: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(length);
      return Buffer.concat([bytes, masked(bytes)]);
    };
    const packed = (...parts: Uint8Array[]) => damaged(name, () => gzipSync(Buffer.concat(parts)));
    // Field 1, of no bytes.
    const fields = Buffer.alloc(4 << 20, Buffer.from([10, 0]));
    const [many] = badOf(await readAll(await open(packed(head(fields.length), fields, masked(fields)))));
    expect(many!.message).toMatch(/record 0: damaged: a list in it has more than 1048576 values/);
    const [long] = badOf(await readAll(await open(packed(head(4_000_000_000), Buffer.alloc(1 << 20)))));
    expect(long!.message).toMatch(/record 0: 4000000000 bytes are too many/);
  });

  it("refuses pixels that do not fit their shape", async () => {
    // The shape [3, 4, 6] is packed into three bytes; with its checksum made anew the record itself is whole.
    const path = damaged(name, (bytes) => {
      const at = bytes.indexOf(Buffer.from([3, 4, 6]));
      expect(at).toBeGreaterThan(0);
      bytes[at + 1] = 5;
      const crc = crc32c(bytes.subarray(12, record - 4));
      bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, record - 4);
      return bytes;
    });
    const [first] = badOf(await readAll(await open(path)));
    expect(first!.message).toMatch(/record 0: wrong size: 72 bytes of shape \[3, 5, 6\]/);
  });
});

describe("files of TensorFlow Datasets", () => {
  const part = (i: number) => `lsun-train.tfrecord-0000${i}-of-00002`;
  const folder = (lengths: readonly number[], ...parts: number[]) => {
    const path = temporaryFolder();
    for (const i of parts) copyFileSync(fixture(name), join(path, part(i)));
    const info = { splits: [{ name: "train", shardLengths: lengths.map(String) }] };
    writeFileSync(join(path, "dataset_info.json"), JSON.stringify(info));
    return path;
  };

  it("are held against the numbers in dataset_info.json, as one cut between two records looks whole", async () => {
    expect(badOf(await readAll(await open(folder([5, 5], 0, 1))))).toEqual([]);
    const path = folder([5, 7], 0, 1);
    const [bad] = badOf(await readAll(await open(path)));
    expect(bad).toMatchObject({ where: join(path, part(1)), reason: "cut short: 5 records, 7 are declared", lost: 2 });
    const more = badOf(await readAll(await open(folder([5, 4], 0, 1))));
    expect(more).toEqual([expect.objectContaining({ reason: "too long: 5 records, 4 are declared", whole: true })]);
    const damaged = folder([5, 5], 0, 1);
    writeFileSync(join(damaged, "dataset_info.json"), "{");
    const all = await readAll(await open(damaged));
    expect(badOf(all)).toEqual([expect.objectContaining({ where: join(damaged, "dataset_info.json"), whole: true })]);
    expect(all).toHaveLength(11);
  });

  it("are all wanted: names say how many there are", async () => {
    const path = folder([5, 5], 1);
    await expect(open(path)).rejects.toThrow(
      /00000-of-00002: missing: lsun-train\.tfrecord-00001-of-00002 says there are 2/,
    );
    const all = await readAll(await openTfRecords({ path, split: "train", skipBad: true }));
    expect(badOf(all)).toEqual([expect.objectContaining({ whole: true, where: join(path, part(0)) })]);
    expect(badOf(await readAll(await open(join(path, part(1)))))).toEqual([]);
  });
});
