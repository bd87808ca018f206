import { deflateSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openSvhn } from "../../../src/data/sources/svhn.ts";
import { damaged, expected, fixture, fixtures, flipByte, readAll, withoutNames } from "./fixture.ts";

const open = (path: string, split = "train") => openSvhn({ path, split });

describe("openSvhn", () => {
  it("reads a compressed MAT-file as SciPy wrote it, 10 as digit 0", async () => {
    const source = await open(fixtures);
    expect(source).toMatchObject({ length: 4, classes: 10 });
    const all = await readAll(source);
    expect(withoutNames(all)).toEqual(expected([1, 0, 9, 5], [32, 32, 3]));
    expect(all[3]!.name).toBe(`${fixture("train_32x32.mat")}: image 3`);
  });

  it("reads one that is not compressed and has labels as doubles", async () => {
    expect(withoutNames(await readAll(await open(fixtures, "test")))).toEqual(expected([1, 0], [32, 32, 3]));
  });

  /** An array of class 4, text: flags, axes, the name "note", two letters. */
  const note = Buffer.from([
    ...[14, 0, 0, 0, 48, 0, 0, 0],
    ...[6, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0],
    ...[5, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0],
    ...[1, 0, 4, 0, 110, 111, 116, 101, 16, 0, 2, 0, 97, 98, 0, 0],
  ]);
  const packed = (() => {
    const bytes = deflateSync(note);
    const tag = Buffer.from([15, 0, 0, 0, 0, 0, 0, 0]);
    tag.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([tag, bytes]);
  })();
  const empty = Buffer.from([14, 0, 0, 0, 0, 0, 0, 0]);

  it.each([
    ["text", note],
    ["packed text", packed],
    ["an empty array", empty],
  ])("passes over other arrays that hold no numbers: %s", async (_, other) => {
    const path = damaged("test_32x32.mat", (bytes) =>
      Buffer.concat([bytes.subarray(0, 128), other, bytes.subarray(128)]),
    );
    expect(withoutNames(await readAll(await open(path, "test")))).toEqual(expected([1, 0], [32, 32, 3]));
  });

  it("reads labels of 64 bits, as NumPy's integers are stored", async () => {
    const path = damaged("test_32x32.mat", (bytes) => {
      const at = bytes.lastIndexOf(Buffer.from(new Float64Array([1, 10]).buffer));
      bytes.writeUInt32LE(12, at - 8);
      bytes.writeBigInt64LE(1n, at);
      bytes.writeBigInt64LE(10n, at + 8);
      return bytes;
    });
    expect((await readAll(await open(path, "test"))).map(({ label }) => label)).toEqual([1, 0]);
  });

  it("says that a file is cut short, before anything is read", async () => {
    await expect(open(damaged("train_32x32.mat", (bytes) => bytes.subarray(0, 4000)))).rejects.toThrow(/cut short/);
  });

  it("finds damage in what is compressed", async () => {
    const path = damaged("train_32x32.mat", (bytes) => flipByte(bytes, 3000));
    await expect(open(path)).rejects.toThrow(/train_32x32\.mat: damaged at byte \d+: in/);
  });

  it("says what it found instead", async () => {
    const other = damaged("test_32x32.mat", (bytes) => {
      // The name of the labels, in a small element: type 1, length 1.
      const at = bytes.lastIndexOf(Buffer.from([1, 0, 1, 0, "y".charCodeAt(0)]));
      bytes.write("z", at + 4, "latin1");
      return bytes;
    });
    await expect(open(other, "test")).rejects.toThrow(/expected X .* and y .*, found X \[32, 32, 3, 2\], z \[2, 1\]/);
    const hdf5 = damaged("test_32x32.mat", (bytes) => Buffer.concat([Buffer.from("MATLAB 7.3"), bytes.subarray(10)]));
    await expect(open(hdf5, "test")).rejects.toThrow(/version 7\.3 \(HDF5\)/);
  });

  it("does not take 33 for the digit 3", async () => {
    const path = damaged("test_32x32.mat", (bytes) => {
      const at = bytes.lastIndexOf(Buffer.from(new Float64Array([10]).buffer));
      bytes.writeDoubleLE(33, at);
      return bytes;
    });
    expect((await readAll(await open(path, "test"))).map(({ label }) => label)).toEqual([1, 33]);
  });

  it("stops unpacking where an array holds more than it declares", async () => {
    const path = damaged("train_32x32.mat", (bytes) => {
      // The first element, behind the header: type 15, its length, and an array that zlib packed.
      const length = bytes.readUInt32LE(132);
      const longer = deflateSync(Buffer.concat([inflateSync(bytes.subarray(136, 136 + length)), Buffer.alloc(50e6)]));
      const tag = Buffer.from(bytes.subarray(128, 136));
      tag.writeUInt32LE(longer.length, 4);
      return Buffer.concat([bytes.subarray(0, 128), tag, longer, bytes.subarray(136 + length)]);
    });
    const all = await readAll(await open(path));
    expect(all).toHaveLength(5);
    expect(all[4]!.bad!.message).toMatch(/train_32x32\.mat: longer than its header says: more than 12\d+ bytes/);
  });

  it("does not believe a shape that does not fit its bytes", async () => {
    const huge = damaged("test_32x32.mat", (bytes) => {
      // Lengths of the axes: 32, 32, 3, 2.
      const at = bytes.indexOf(Buffer.from([32, 0, 0, 0, 32, 0, 0, 0, 3, 0, 0, 0, 2]));
      bytes.writeInt32LE(2_000_000_000, at + 12);
      return bytes;
    });
    await expect(open(huge, "test")).rejects.toThrow(/"X" declares 6144 bytes, its shape makes/);
  });
});
