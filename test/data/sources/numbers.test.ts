import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/data/sources/byte-reader.ts";
import { readMat } from "../../../src/data/sources/mat5.ts";
import { readNpyHeader, readNpyNumbers } from "../../../src/data/sources/npy.ts";
import { parseExample } from "../../../src/data/sources/tf-example.ts";
import { temporaryFolder } from "./fixture.ts";

async function* single(bytes: readonly number[]): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from(bytes);
}
const reader = (bytes: readonly number[]) => new ByteReader(single(bytes), "it");

describe("numbers of .npy files", () => {
  const npy = (type: string, shape: string, values: Uint8Array, version = 1, order = "False") => {
    const text = Buffer.from(`{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`);
    const length = Buffer.alloc(version > 1 ? 4 : 2);
    length.writeUInt8(text.length, 0);
    const magic = Buffer.from([0x93, ...Buffer.from("NUMPY"), version, 0]);
    return reader([...magic, ...length, ...text, ...values]);
  };
  const bytes = (of: ArrayBufferView) => new Uint8Array(of.buffer, of.byteOffset, of.byteLength);
  const read = async (it: ByteReader) => readNpyNumbers(it, await readNpyHeader(it));

  it.each<[string, ArrayBufferView, number[]]>([
    ["|u1", Uint8Array.of(200, 1), [200, 1]],
    ["|b1", Uint8Array.of(1, 0), [1, 0]],
    ["|i1", Int8Array.of(-2, 1), [-2, 1]],
    ["<u2", Uint16Array.of(65_000, 1), [65_000, 1]],
    ["<i2", Int16Array.of(-300, 1), [-300, 1]],
    ["<u4", Uint32Array.of(4e9, 1), [4e9, 1]],
    ["<i4", Int32Array.of(-70_000, 1), [-70_000, 1]],
    ["<u8", BigUint64Array.of(2n ** 40n, 1n), [2 ** 40, 1]],
    ["<i8", BigInt64Array.of(-(2n ** 40n), 1n), [-(2 ** 40), 1]],
    ["<f4", Float32Array.of(0.5, -3), [0.5, -3]],
    ["<f8", Float64Array.of(0.1, -3), [0.1, -3]],
  ])("are read as %s", async (type, values, numbers) => {
    for (const version of [1, 2]) expect(await read(npy(type, "2,", bytes(values), version))).toEqual(numbers);
  });

  it("of several axes and either byte order are all read; too many are refused", async () => {
    expect(await read(npy("|u1", "2, 2", Uint8Array.of(1, 2, 3, 4)))).toEqual([1, 2, 3, 4]);
    expect(await read(npy(">i4", "1,", Uint8Array.of(0, 0, 1, 2)))).toEqual([258]);
    await expect(read(npy("|u1", "67108865,", new Uint8Array(1)))).rejects.toThrow("67108865 values are too many");
    await expect(read(npy("|u1", "67108864,", new Uint8Array(1)))).rejects.toThrow("cut short");
  });

  it("in Fortran order are read where only one axis is longer than 1, as Julia writes labels", async () => {
    const labels = Uint8Array.of(3, 1);
    for (const shape of ["2,", "2, 1", "1, 2"])
      expect(await read(npy("|u1", shape, labels, 1, "True"))).toEqual([3, 1]);
    await expect(read(npy("|u1", "2, 2", new Uint8Array(4), 1, "True"))).rejects.toThrow("in Fortran order");
  });
});

describe("parseExample", () => {
  const field = (tag: number, bytes: readonly number[]) => [tag, bytes.length, ...bytes];
  const example = (name: string, list: readonly number[]) =>
    parseExample(Uint8Array.from(field(10, field(10, [...field(10, [...Buffer.from(name)]), ...field(18, list)]))));
  const minusTwo = [0xfe, ...Array<number>(8).fill(0xff), 1];

  it("reads bytes, and integers packed or not, negative ones too", () => {
    expect(example("b", field(10, [...field(10, [1, 2]), ...field(10, [])])).get("b")).toEqual([
      Uint8Array.of(1, 2),
      new Uint8Array(0),
    ]);
    expect(example("n", field(26, field(10, [5, 0x80, 1, ...minusTwo]))).get("n")).toEqual([5, 128, -2]);
    expect(example("n", field(26, [8, 5, 8, 0x80, 1, 8, ...minusTwo])).get("n")).toEqual([5, 128, -2]);
  });

  it("reads floats, and passes over fields of a fixed width", () => {
    expect(example("f", field(18, field(10, [0, 0, 0, 63]))).get("f")).toEqual([0.5]);
    const fixed = [0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0, 0];
    expect(parseExample(Uint8Array.from([...fixed, ...field(10, field(10, field(10, [97])))])).get("a")).toEqual([]);
  });

  it.each([
    [[10, 2, 1], "a field of it is cut short"],
    [[10], "a number in it is cut short"],
    [[11], "a field of it has the unknown type 3"],
    [[0x19, 0, 0, 0, 0, 0, 0, 0], "a field of it is cut short"],
    [[8, ...Array<number>(10).fill(0xff), 1], "a number in it is cut short"],
  ])("refuses %j", (bytes, words) => {
    expect(() => parseExample(Uint8Array.from(bytes))).toThrow(words);
  });
});

describe("readMat", () => {
  const element = (type: number, bytes: Uint8Array) => {
    const out = Buffer.alloc(8 + Math.ceil(bytes.length / 8) * 8);
    out.writeUInt32LE(type, 0);
    out.writeUInt32LE(bytes.length, 4);
    out.set(bytes, 8);
    return out;
  };
  const raw = (of: ArrayBufferView) => new Uint8Array(of.buffer, of.byteOffset, of.byteLength);
  const matrix = (kind: number, values: ArrayBufferView & { length: number }) => {
    const parts = [element(6, new Uint8Array(8)), element(5, raw(Int32Array.of(values.length, 1)))];
    return element(14, Buffer.concat([...parts, element(1, Buffer.from("long name")), element(kind, raw(values))]));
  };
  const file = (...elements: Uint8Array[]) => {
    const head = Buffer.alloc(128, " ");
    head.write("MATLAB 5.0 MAT-file", 0);
    head.write("\x00\x01IM", 124, "latin1");
    const path = join(temporaryFolder(), "a.mat");
    writeFileSync(path, Buffer.concat([head, ...elements]));
    return path;
  };
  const packed = (bytes: Uint8Array) => {
    const inner = deflateSync(bytes);
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(15, 0);
    tag.writeUInt32LE(inner.length, 4);
    return Buffer.concat([tag, inner]);
  };

  it.each<[number, ArrayBufferView & { length: number }, number[]]>([
    [1, Int8Array.of(-2, 3), [-2, 3]],
    [2, Uint8Array.of(200, 3), [200, 3]],
    [3, Int16Array.of(-300, 3), [-300, 3]],
    [4, Uint16Array.of(65_000, 3, 4), [65_000, 3, 4]],
    [5, Int32Array.of(-70_000, 3), [-70_000, 3]],
    [6, Uint32Array.of(4e9, 3), [4e9, 3]],
    [7, Float32Array.of(0.5, -3), [0.5, -3]],
    [9, Float64Array.of(0.1, -3), [0.1, -3]],
    [12, BigInt64Array.of(-(2n ** 40n), 3n), [-(2 ** 40), 3]],
    [13, BigUint64Array.of(2n ** 40n, 3n), [2 ** 40, 3]],
  ])("reads values of type %i, packed or not, one array behind another", async (type, values, numbers) => {
    const arrays = await readMat(file(matrix(type, values), packed(matrix(type, values))));
    expect(arrays.map(({ name, shape }) => [name, shape])).toEqual(Array(2).fill(["long name", [values.length, 1]]));
    for (const { kind, open } of arrays) {
      const it = await open();
      const bytes = await it.take(values.byteLength);
      await it.close();
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      expect(numbers.map((_, i) => kind.read(view, i * kind.width))).toEqual(numbers);
    }
  });

  it("refuses types it does not know, headers that are too long, and another byte order", async () => {
    await expect(readMat(file(matrix(8, Float64Array.of(1))))).rejects.toThrow('"long name" is of type 8');
    await expect(readMat(file(packed(element(6, new Uint8Array(8)))))).rejects.toThrow("no array where one should be");
    const long = file(element(14, element(6, new Uint8Array(5000))));
    await expect(readMat(long)).rejects.toThrow("damaged: a header of 5000 bytes");
    const folder = temporaryFolder();
    writeFileSync(join(folder, "b.mat"), Buffer.alloc(200, " "));
    await expect(readMat(join(folder, "b.mat"))).rejects.toThrow("not a little-endian MAT-file of version 5");
  });
});
