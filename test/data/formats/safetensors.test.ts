import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  parseSafetensors,
  readSafetensors,
  safetensorsPieces,
  writeSafetensors,
  type Safetensor,
  type SafetensorFile,
} from "../../../src/data/formats/safetensors.ts";
import { UsageError } from "../../../src/base/errors.ts";

const FILE: SafetensorFile = {
  tensors: new Map<string, Safetensor>([
    ["b/bytes", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ["a", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1.5, -0, Infinity, 1e-45) }],
    ["long", { dtype: "I64", shape: [], data: BigInt64Array.of(-(2n ** 62n)) }],
    ["double", { dtype: "F64", shape: [1, 2], data: Float64Array.of(Math.PI, 5e-324) }],
    ["empty", { dtype: "F32", shape: [0, 7], data: new Float32Array(0) }],
    ["__proto__", { dtype: "BOOL", shape: [1], data: Uint8Array.of(1) }],
  ]),
  metadata: { format: "scorestream", step: "12" },
};

const bytesOf = (file: SafetensorFile) => new Uint8Array(Buffer.concat([...safetensorsPieces(file)]));

/** A file with this header and so many bytes of values. */
function withHeader(header: unknown, size: number): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = new Uint8Array(8 + text.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes;
}

describe("safetensors", () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "safetensors-"))));
  afterEach(() => rm(directory, { recursive: true }));

  it("reads what it wrote, bit for bit", async () => {
    const path = join(directory, "file.safetensors");
    await writeSafetensors(path, FILE);
    expect(await readdir(directory)).toEqual(["file.safetensors"]);
    const read = await readSafetensors(path);
    expect(read.metadata).toEqual(FILE.metadata);
    expect(new Map([...read.tensors].sort())).toEqual(new Map([...FILE.tensors].sort()));
  });

  it("aligns every tensor and starts the values at a multiple of 8", () => {
    const { tensors } = parseSafetensors(bytesOf(FILE), "x");
    const offsets = [...tensors.values()].map(({ data }) => data.byteOffset % data.BYTES_PER_ELEMENT);
    expect(offsets).toEqual(offsets.map(() => 0));
    expect(new DataView(bytesOf(FILE).buffer).getBigUint64(0, true) % 8n).toBe(0n);
  });

  it("writes the same bytes in whatever order the tensors are given", () => {
    const reversed = { ...FILE, tensors: new Map([...FILE.tensors].reverse()) };
    expect(bytesOf(reversed)).toEqual(bytesOf(FILE));
  });

  it("reads values that another program left unaligned", () => {
    const header = {
      odd: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      x: { dtype: "F32", shape: [1], data_offsets: [1, 5] },
    };
    const bytes = withHeader(header, 5);
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, 2.5, true);
    expect(parseSafetensors(bytes, "x").tensors.get("x")!.data).toEqual(Float32Array.of(2.5));
  });

  it("refuses to write data that do not fit their shape or dtype", () => {
    const wrong = (tensor: Safetensor) => () => bytesOf({ tensors: new Map([["x", tensor]]), metadata: {} });
    expect(wrong({ dtype: "F32", shape: [3], data: new Float32Array(2) })).toThrow(RangeError);
    expect(wrong({ dtype: "F32", shape: [2], data: new Float64Array(2) })).toThrow(/Float64Array of 2 is not F32/);
  });

  const f32 = (start: number, end: number, shape = [(end - start) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [start, end],
  });
  it.each([
    ["has 3 bytes", new Uint8Array(3)],
    ["header would have 9007199254740993 bytes", new Uint8Array([1, 0, 0, 0, 0, 0, 0x20, 0, 0x7b, 0x7d])],
    ["header would have 99 bytes", new Uint8Array([99, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["not JSON", withHeader("{", 0)],
    ["not a JSON object", withHeader([1], 0)],
    ["not an object of strings", withHeader({ __metadata__: { a: 1 } }, 0)],
    ['dtype "F8"', withHeader({ x: { ...f32(0, 4), dtype: "F8" } }, 4)],
    ['dtype "constructor"', withHeader({ x: { ...f32(0, 4), dtype: "constructor" } }, 4)],
    ["dtype undefined", withHeader({ x: null }, 0)],
    ["shape [-1]", withHeader({ x: f32(0, 4, [-1]) }, 4)],
    ["shape [1.5]", withHeader({ x: f32(0, 4, [1.5]) }, 4)],
    ["needs 8 bytes, it has 4", withHeader({ x: f32(0, 4, [2]) }, 4)],
    ["needs 4e+30 bytes", withHeader({ x: f32(0, 4, [1e15, 1e15]) }, 4)],
    ["offsets [4,0]", withHeader({ x: { ...f32(0, 4), data_offsets: [4, 0] } }, 4)],
    ["offsets [0]", withHeader({ x: { ...f32(0, 4), data_offsets: [0] } }, 4)],
    ["ends at byte 8 of 4", withHeader({ x: f32(0, 8) }, 4)],
    ['"y" overlaps', withHeader({ x: f32(0, 8), y: f32(4, 12) }, 12)],
    ["bytes 4 to 8 belong to no tensor", withHeader({ x: f32(0, 4), y: f32(8, 12) }, 12)],
    ["bytes 4 to 6 belong to no tensor", withHeader({ x: f32(0, 4) }, 6)],
  ])("refuses a file that %s", async (reason, bytes) => {
    const path = join(directory, "bad.safetensors");
    await writeFile(path, bytes);
    const error = await readSafetensors(path).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(reason);
    expect((error as Error).message).toContain(path);
  });

  it("refuses every truncation of a good file", () => {
    const bytes = bytesOf(FILE);
    for (let n = 0; n < bytes.length; n++)
      expect(() => parseSafetensors(bytes.subarray(0, n), "x")).toThrow(UsageError);
  });

  it("passes on that a file does not exist", async () => {
    await expect(readSafetensors(join(directory, "none"))).rejects.toThrow("ENOENT");
  });
});

describe("halves", () => {
  const file = (dtype: string, bits: readonly number[]) => {
    const head = Buffer.from(
      JSON.stringify({ w: { dtype, shape: [bits.length], data_offsets: [0, 2 * bits.length] } }),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    return Buffer.concat([length, head, Buffer.from(Uint16Array.from(bits).buffer)]);
  };

  it.each([
    ["F16", [0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00], [1, -2, 0.333251953125, 2 ** -24, 65504, Infinity]],
    ["BF16", [0x3f80, 0xc000, 0x3eab, 0x0001, 0x7f80], [1, -2, 0.333984375, 2 ** -133, Infinity]],
  ])("of %s are read as numbers of 32 bits", (dtype, bits, values) => {
    const { tensors } = parseSafetensors(file(dtype, bits), "half");
    expect(tensors.get("w")).toEqual({ dtype: "F32", shape: [bits.length], data: Float32Array.from(values) });
  });

  it("are told from what PyTorch writes, with how to convert it", () => {
    const zip = Buffer.from("PK\x03\x04 and so on, an archive");
    const pickle = Buffer.from([0x80, 2, 0x7d, 0x71, 0, 0x58, 1, 0x61, 0]);
    for (const bytes of [zip, pickle]) {
      expect(() => parseSafetensors(bytes, "a.pth")).toThrow(/a\.pth: .*pickle.*\n.*safetensors\.torch\.save_file/);
    }
  });
});
