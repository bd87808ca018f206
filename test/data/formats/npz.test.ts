import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { npyPieces, parseNpy, type NpyArray } from "../../../src/data/formats/npy.ts";
import { readNpz, writeNpz } from "../../../src/data/formats/npz.ts";
import { crc32 } from "../../../src/base/crc.ts";
import { UsageError } from "../../../src/base/errors.ts";

const ARRAYS: Record<string, NpyArray> = {
  double: { shape: [2, 2], data: Float64Array.of(Math.PI, -0, 5e-324, Infinity) },
  float: { shape: [3], data: Float32Array.of(1.5, NaN, 1e-45) },
  samples: { shape: [2, 1, 2, 1], data: Uint8Array.of(0, 1, 254, 255) },
  scalar: { shape: [], data: Float64Array.of(7) },
  long: { shape: [1], data: BigInt64Array.of(-(2n ** 62n)) },
  empty: { shape: [0, 5], data: new Float32Array(0) },
  small: { shape: [2], data: Int16Array.of(-1, 300) },
};

const bytesOf = (array: NpyArray) => new Uint8Array(Buffer.concat(npyPieces(array)));

/** The bytes of an npy file with this dictionary. */
function npy(dictionary: string, values: Uint8Array, version = 1): Uint8Array {
  const text = `${dictionary}\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  return Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.of(version, 0), length, Buffer.from(text), values]);
}

const dictionary = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("npy", () => {
  it.each(Object.entries(ARRAYS))("reads what it wrote, bit for bit: %s", (_, array) => {
    expect(parseNpy(bytesOf(array), "x")).toEqual(array);
  });

  it("writes what NumPy writes", () => {
    const bytes = bytesOf({ shape: [2, 3], data: new Float32Array(6) });
    const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    expect(bytes.length).toBe(128 + 24);
    expect(Buffer.from(bytes.subarray(0, 128)).toString("latin1")).toBe(
      `\x93NUMPY\x01\x00v\x00${text}${" ".repeat(128 - 10 - text.length - 1)}\n`,
    );
  });

  it.each([1, 2, 3])("reads version %i, unaligned values and flags", (version) => {
    const values = Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64);
    const read = parseNpy(npy(dictionary("<f4", "(2,)"), values, version), "x");
    expect(read).toEqual({ shape: [2], data: Float32Array.of(1, 2) });
    expect(parseNpy(npy(dictionary("|b1", "(1,)"), Uint8Array.of(1), version), "x").data).toEqual(Uint8Array.of(1));
  });

  it("turns column-major values into row-major ones", () => {
    const [A, B, C] = [2, 3, 2];
    const value = (a: number, b: number, c: number) => 100 * a + 10 * b + c;
    const columns = new Uint8Array(A * B * C);
    const rows = new Uint8Array(A * B * C);
    for (let a = 0; a < A; a++) {
      for (let b = 0; b < B; b++) {
        for (let c = 0; c < C; c++) {
          columns[a + A * (b + B * c)] = value(a, b, c);
          rows[c + C * (b + B * a)] = value(a, b, c);
        }
      }
    }
    expect(parseNpy(npy(dictionary("|u1", "(2, 3, 2)", "True"), columns), "x")).toEqual({
      shape: [2, 3, 2],
      data: rows,
    });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /does not start/],
    ["text", Buffer.from("a text of some length"), /does not start/],
    ["an unknown version", npy(dictionary("<f4", "(0,)"), new Uint8Array(0), 9), /version is 9/],
    ["a header cut short", npy(dictionary("<f4", "(0,)"), new Uint8Array(0)).subarray(0, 40), /header would have/],
    ["values cut short", npy(dictionary("<f4", "(2,)"), new Uint8Array(7)), /needs 8 bytes, it has 7/],
    ["values left over", npy(dictionary("<f4", "(2,)"), new Uint8Array(9)), /needs 8 bytes, it has 9/],
    ["Python objects", npy(dictionary("|O", "(1,)"), new Uint8Array(8)), /values are "\|O"/],
    ["big-endian values", npy(dictionary(">f8", "(1,)"), new Uint8Array(8)), /values are ">f8"/],
    ["a name of Object's", npy(dictionary("<constructor", "(1,)"), new Uint8Array(8)), /values are/],
    ["no dictionary", npy("[1, 2]", new Uint8Array(8)), /its header is "\[1, 2\]"/],
    ["an absurd shape", npy(dictionary("<f4", `(${"9".repeat(400)},)`), new Uint8Array(8)), /its shape is/],
    ["an absurd product", npy(dictionary("<f4", "(9999999999, 9999999999)"), new Uint8Array(8)), /its shape is/],
  ])("refuses %s", (_, bytes, reason) => {
    expect(() => parseNpy(bytes, 'stats.npz: field "mu"')).toThrow(UsageError);
    expect(() => parseNpy(bytes, 'stats.npz: field "mu"')).toThrow(reason);
    expect(() => parseNpy(bytes, 'stats.npz: field "mu"')).toThrow(/^stats\.npz: field "mu": /);
  });

  it("refuses to write data that do not fit their shape", () => {
    expect(() => npyPieces({ shape: [3], data: new Float32Array(2) })).toThrow(RangeError);
  });
});

describe("npz", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "npz-"));
    path = join(directory, "file.npz");
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("reads what it wrote, bit for bit, and the same bytes each time", async () => {
    await writeNpz(path, ARRAYS);
    expect(Object.fromEntries(await readNpz(path))).toEqual(ARRAYS);
    const bytes = await readFile(path);
    await writeNpz(path, ARRAYS);
    expect(await readFile(path)).toEqual(bytes);
  });

  it("reads only what is asked for", async () => {
    await writeNpz(path, ARRAYS);
    expect([...(await readNpz(path, ["scalar", "missing"])).keys()]).toEqual(["scalar"]);
  });

  it("reads an archive that Python's zipfile wrote, with zip64 fields in the local header", async () => {
    // numpy.savez(x=numpy.float32([1, 2])): stored, and a local header whose sizes are in an extra field.
    const content = npy(dictionary("<f4", "(2,)"), Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64));
    await writeFile(path, archive([{ name: "x.npy", content, method: 0, extra: Buffer.alloc(20) }]));
    expect((await readNpz(path)).get("x")).toEqual({ shape: [2], data: Float32Array.of(1, 2) });
  });

  it("knows the checksum of zip archives, over pieces too", () => {
    expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
    expect(crc32(Buffer.from("56789"), crc32(Buffer.from("1234")))).toBe(0xcbf43926);
  });

  const content = npy(dictionary("<f4", "(1,)"), new Uint8Array(4));
  const valid: Entry = { name: "x.npy", content, method: 8 };
  it.each<[string, () => Uint8Array, RegExp]>([
    ["nothing", () => new Uint8Array(0), /no zip directory/],
    ["another file", () => Buffer.alloc(1000, "x"), /no zip directory/],
    ["an archive cut at its end", () => archive([valid]).subarray(0, -30), /no zip directory/],
    ["an archive cut at its start", () => archive([valid]).subarray(20), /cut short|has 0 of 1/],
    [
      "an entry that is elsewhere",
      () => archive([{ ...valid, offset: 3 }]),
      /its header is not where the directory says/,
    ],
    ["an entry past the end", () => archive([{ ...valid, offset: 1e9 }]), /cut short/],
    [
      "a size that is not its own",
      () => archive([{ ...valid, size: content.length + 1 }]),
      /its entry "x\.npy" is cut short: \d+ of \d+ bytes/,
    ],
    ["more than it states", () => archive([{ ...valid, size: 10 }]), /is longer than the 10 bytes it declares/],
    ["an absurd size", () => archive([{ ...valid, size: 2 ** 31 }]), /2 GiB or more/],
    ["an absurd packed size", () => archive([{ ...valid, compressedSize: 2 ** 30 }]), /cut short/],
    ["another checksum", () => archive([{ ...valid, crc: 1 }]), /its checksum is wrong/],
    ["an unknown method", () => archive([{ ...valid, method: 93 }]), /zip method 93/],
    ["damaged packed bytes", () => archive([{ ...valid, packed: Buffer.alloc(40, 0xff) }]), /cannot be unpacked/],
    ["encryption", () => archive([{ ...valid, flags: 1 }]), /encrypted/],
    ["two entries of one name", () => archive([valid, valid]), /two entries/],
    [
      "an entry that is no array",
      () => archive([{ ...valid, content: Buffer.from("hello") }]),
      /field "x": not an npy/,
    ],
  ])("refuses %s", async (_, make, reason) => {
    await writeFile(path, make());
    await expect(readNpz(path)).rejects.toThrow(UsageError);
    await expect(readNpz(path)).rejects.toThrow(reason);
    await expect(readNpz(path)).rejects.toThrow(path);
  });

  it("says what the system says of a file that is not there", async () => {
    await expect(readNpz(path)).rejects.toThrow(/ENOENT/);
  });
});

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method: number;
  readonly extra?: Uint8Array;
  /** What the directory says, where it is not so. */
  readonly size?: number;
  readonly compressedSize?: number;
  readonly crc?: number;
  readonly offset?: number;
  readonly flags?: number;
  readonly packed?: Uint8Array;
}

/** An archive, with the mistakes that its entries ask for. */
function archive(entries: readonly Entry[]): Uint8Array {
  const parts: Buffer[] = [];
  const lines: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const extra = entry.extra ?? new Uint8Array(0);
    const packed = entry.packed ?? (entry.method === 0 ? entry.content : deflateRawSync(entry.content));
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra.length, 28);
    const line = Buffer.alloc(46);
    line.writeUInt32LE(0x02014b50, 0);
    line.writeUInt16LE(entry.flags ?? 0, 8);
    line.writeUInt16LE(entry.method, 10);
    line.writeUInt32LE(entry.crc ?? crc32(entry.content), 16);
    line.writeUInt32LE(entry.compressedSize ?? packed.length, 20);
    line.writeUInt32LE(entry.size ?? entry.content.length, 24);
    line.writeUInt16LE(name.length, 28);
    line.writeUInt32LE(entry.offset ?? at, 42);
    const written = Buffer.concat([local, name, extra, packed]);
    parts.push(written);
    lines.push(Buffer.concat([line, name]));
    at += written.length;
  }
  const end = Buffer.alloc(22);
  const directory = Buffer.concat(lines);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}
