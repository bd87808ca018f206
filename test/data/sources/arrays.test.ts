import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeFileAtomic } from "../../../src/data/formats/arrow-file.ts";
import { zipPieces } from "../../../src/data/formats/zip-pieces.ts";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { badOf, damaged, expected, fixture, flipByte, readAll, temporaryFolder, withoutNames } from "./fixture.ts";

const open = (path: string, more = {}) => openArrays({ path, split: "train", ...more });
const five = expected([3, 1, 4, 1, 5], [4, 6, 3]);

describe("openArrays", () => {
  it.each(["stored.npz", "packed.npz"])("reads images and labels of %s, as NumPy wrote it", async (name) => {
    const source = await open(fixture(name));
    const all = await readAll(source);
    expect(source.length).toBe(5);
    expect(withoutNames(all)).toEqual(five);
    expect(all[2]!.name).toBe(`${fixture(name)}: image 2`);
  });

  it("reads grey images and channels in front", async () => {
    expect(withoutNames(await readAll(await open(fixture("grey.npy"))))).toEqual(
      expected([undefined, undefined, undefined], [4, 6, 1]),
    );
    const planes = await readAll(await open(fixture("planes.npy"), { layout: "chw" }));
    expect(planes.map(({ data }) => data)).toEqual(five.map(({ data }) => data));
  });

  it("grows grey to colour when asked", async () => {
    const [first] = await readAll(await open(fixture("grey.npy"), { channels: 3 }));
    const grey = expected([0], [4, 6, 1])[0]!.data;
    expect(first).toMatchObject({ shape: [4, 6, 3], data: grey.flatMap((value) => [value, value, value]) });
  });

  it("names what it cannot take", async () => {
    await expect(open(fixture("planes.npy"))).rejects.toThrow(
      /\[5, 3, 4, 6\] is not a shape of images.*\n.*--layout chw/,
    );
    await expect(open(fixture("fortran.npy"))).rejects.toThrow(/Fortran order/);
    await expect(open(fixture("valid_32x32.tar"))).rejects.toThrow(UsageError);
    await expect(open(join(temporaryFolder(), "none"))).rejects.toThrow(/there is no such file/);
  });

  it("reads numbers of other types by the range that is said, and refuses to guess it", async () => {
    const [first] = badOf(await readAll(await open(fixture("floats.npy"))));
    expect(first!.message).toMatch(/floats\.npy: image 0: its samples are of type float32.*\n.*--range/);
    const folder = temporaryFolder();
    const at = (type: string, values: Uint8Array | Uint16Array | Float64Array | Int16Array) => {
      const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (1L, 2L, 2L), }`.padEnd(117) + "\n";
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      if (type.startsWith(">")) bytes.swap16();
      writeFileSync(
        join(folder, "a.npy"),
        Buffer.concat([Buffer.from("\x93NUMPY\x01\0v\0", "latin1"), Buffer.from(text), bytes]),
      );
    };
    const pixels = async (options = {}) => {
      const [image] = await readAll(await open(join(folder, "a.npy"), options));
      return image!.data ?? image!.bad!.reason;
    };
    at("|u1", Uint8Array.of(1, 2, 3, 4));
    expect(await pixels()).toEqual([1, 2, 3, 4]);
    at("|b1", Uint8Array.of(0, 1, 1, 0));
    expect(await pixels()).toEqual([0, 255, 255, 0]);
    for (const type of ["<u2", ">u2"]) {
      at(type, Uint16Array.of(0, 256, 32_768, 65_535));
      expect(await pixels()).toEqual([0, 1, 128, 255]);
    }
    at("<f8", Float64Array.of(-1, 0, 0.5, 1));
    expect(await pixels({ range: [-1, 1] })).toEqual([0, 128, 191, 255]);
    expect(await pixels({ range: [0, 1] })).toMatch(/go from -1 to 1, outside of 0 to 1/);
    at("<i2", Int16Array.of(0, 1, 254, 255));
    expect(await pixels()).toMatch(/of type int16 and go from 0 to 255/);
    expect(await pixels({ range: [0, 255] })).toEqual([0, 1, 254, 255]);
    at("<f2", Uint16Array.of(0, 0x3800, 0x3c00, 0x0001));
    expect(await pixels({ range: [0, 1] })).toEqual([0, 128, 255, 0]);
  });

  it("passes over arrays of any kind beside the images, and reads one only when it is named", async () => {
    const head = (descr: string) =>
      Buffer.from(
        `\x93NUMPY\x01\0v\0${`{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }`.padEnd(117)}\n`,
        "latin1",
      );
    const images = readFileSync(fixture("grey.npy"));
    const path = join(temporaryFolder(), "a.npz");
    const members = new Map([
      ["names.npy", [head("<U7")]],
      ["meta.npy", [head("|O")]],
      ["images.npy", [images]],
      ["read me.txt", [Buffer.from("text")]],
    ]);
    await writeFileAtomic(path, zipPieces(members));
    expect(withoutNames(await readAll(await open(path)))).toEqual(
      expected([undefined, undefined, undefined], [4, 6, 1]),
    );
    await expect(open(path, { imageColumn: "meta" })).rejects.toThrow(
      /meta\.npy: its values are of type \|O, which is not read/,
    );
    await expect(open(path, { imageColumn: "x" })).rejects.toThrow(/expected an array x, found names, meta, images\n/);
  });

  it("refuses labels that are not as many as the images", async () => {
    const path = damaged("stored.npz", (bytes) => {
      const at = bytes.lastIndexOf("'shape': (5,)");
      expect(at).toBeGreaterThan(0);
      bytes.write("'shape': (4,)", at, "latin1");
      return bytes;
    });
    await expect(open(path)).rejects.toThrow(/4 labels for 5 images/);
  });

  it("gives the images before a cut and one bad entry that counts the rest", async () => {
    const path = damaged("grey.npy", (bytes) => bytes.subarray(0, bytes.length - 30));
    const all = await readAll(await open(path));
    expect(all).toHaveLength(2);
    expect(badOf(all)).toMatchObject([{ where: `${path}: image 1`, lost: 2 }]);
  });

  it("finds a changed byte by the checksum, and data behind what the header says", async () => {
    const changed = damaged("stored.npz", (bytes) => flipByte(bytes, bytes.indexOf("NUMPY") + 300));
    expect(badOf(await readAll(await open(changed)))[0]!.reason).toMatch(/checksum is wrong/);
    const longer = damaged("grey.npy", (bytes) => Buffer.concat([bytes, Buffer.alloc(9)]));
    const all = await readAll(await open(longer));
    expect(all).toHaveLength(4);
    expect(badOf(all)[0]!.reason).toMatch(/longer than its header says/);
  });

  it("stops unpacking where an archive holds more than it declares", async () => {
    const path = damaged("packed.npz", (bytes) => {
      // Uncompressed size of the first entry in the central directory: 488 bytes in truth.
      const at = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 24;
      expect(bytes.readUInt32LE(at)).toBe(488);
      bytes.writeUInt32LE(300, at);
      return bytes;
    });
    await expect(open(path)).rejects.toThrow(/arr_0\.npy: longer than the 300 bytes it declares/);
  });

  it("does not believe a header that promises a huge array", async () => {
    const path = damaged("grey.npy", (bytes) => {
      const at = bytes.indexOf("(3, 4, 6)");
      bytes.write("(3000000000, 4, 6), }".padEnd(24), at, "latin1");
      return bytes;
    });
    const all = await readAll(await open(path));
    expect(badOf(all)).toMatchObject([{ lost: 3_000_000_000 - 3 }]);
  });

  it("says what is wrong with an archive that is none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.npz"), "no archive");
    await expect(open(folder)).rejects.toThrow(/a\.npz: not a whole zip archive: no zip directory/);
  });
});
