/** Parcels by their bytes, and the sums of what arrives. */
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/base/crc.ts";
import { pieceToIPC, pieceSize, typeOf, type Piece } from "../../../src/data/formats/vector-ipc.ts";
import { ChunkToSend, readChunk, scratchFor } from "../../../src/grpc/exchange/chunk.ts";
import { exchangeService } from "../../../src/grpc/exchange/definition.ts";
import type { Header, ParcelMessage, VectorAbout } from "../../../src/exchange/messages.ts";
import {
  aboutOf,
  CHUNK,
  parcel,
  readHeader,
  readVectors,
  requireVectors,
  sharedSize,
  type Vector,
} from "../../../src/grpc/exchange/parcel.ts";
import { bytesOf } from "../../../src/grpc/exchange/number-format.ts";
import { fromInt8, int8Size, roundToInt8, toInt8 } from "../../../src/ops/int8-blocks.ts";
import { cut, inPieces, RangeSum, type Part } from "../../../src/grpc/exchange/range-sum.ts";

const { requestSerialize, requestDeserialize } = exchangeService.Deliver;
const header = { runId: "run", view: 1, step: 2, from: 3, phase: "REDUCE" as const };
const sameBits = (a: Float32Array, b: Float32Array) => Buffer.compare(bytes(a), bytes(b)) === 0;
const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);
const floats = (...values: number[]) => Float32Array.from(values);
const vector = (name: string, values: Float32Array, bfloat16 = false): Vector => ({ name, values, bfloat16 });
const arrowOf = (piece: Piece) => Buffer.from(pieceToIPC(piece, Buffer.alloc(pieceSize(typeOf(piece), piece.length))));

/** The messages as the other side gets them. */
async function sent(vectors: readonly Vector[]): Promise<ParcelMessage[]> {
  const messages: ParcelMessage[] = [];
  for await (const message of parcel(header, vectors)) {
    messages.push(requestDeserialize(Buffer.from(requestSerialize(message as ParcelMessage))));
  }
  return messages;
}

const iterated = (messages: readonly ParcelMessage[]) => {
  const rest = messages[Symbol.iterator]();
  return { next: async () => rest.next() as IteratorResult<ParcelMessage> };
};

const about = (name: string, length: number, bfloat16 = false): VectorAbout => ({ name, length, bfloat16 });

describe("a chunk", () => {
  it.each([
    [0, 0],
    [127, 128],
    [128, 2 ** 14 - 1],
    [3, 2 ** 21],
    [3, 2 ** 33 + 5],
  ])("of vector %d at %d is what protobuf writes", (vector, offset) => {
    const values = floats(1, -2, 3.5);
    const bytes = new ChunkToSend(vector, offset, values, "float32", scratchFor(3)).serialize();
    const arrow = arrowOf(values);
    const chunk = { vector, offset, arrow, crc32: crc32(arrow) };
    expect(bytes.equals(requestSerialize({ chunk } as ParcelMessage))).toBe(true);
  });

  it("is rounded if asked to, half the size", () => {
    const values = floats(1 + 2 ** -7, 1 + 2 ** -9, -3);
    const bytes = new ChunkToSend(1, 0, values, "bfloat16", scratchFor(3)).serialize();
    const { chunk } = requestDeserialize(bytes);
    expect(Buffer.from(chunk!.arrow).equals(arrowOf(Uint16Array.of(0x3f81, 0x3f80, 0xc040)))).toBe(true);
    const into = new Float32Array(3);
    readChunk(chunk!, about("sum", 3, true), into);
    expect(into).toEqual(floats(1 + 2 ** -7, 1, -3));
  });

  it.each([1, 2, 255, 256, 257, 600])("of %d values is int8 in blocks if asked to", (length) => {
    const values = Float32Array.from({ length }, (_, i) => Math.sin(i) * 2 ** (i / 50));
    const bytes = new ChunkToSend(1, 0, values, "int8", scratchFor(length)).serialize();
    const { chunk } = requestDeserialize(bytes);
    expect(Buffer.from(chunk!.arrow).equals(arrowOf(toInt8(values)))).toBe(true);
    const into = new Float32Array(length);
    readChunk(chunk!, { ...about("sum", length), int8: true }, into);
    expect(into).toEqual(roundToInt8(values.slice()));
  });

  it("is refused in int8 too when a scale is not finite, or there is one too few", () => {
    const read = (column: Uint8Array) => {
      const arrow = arrowOf(column);
      const wanted = { ...about("sum", 257), int8: true };
      readChunk({ vector: 0, offset: 512, arrow, crc32: crc32(arrow) }, wanted, new Float32Array(257));
    };
    const column = toInt8(new Float32Array(257).fill(1));
    expect(() => read(column.subarray(4))).toThrow(
      /^INVALID_ARGUMENT: a chunk of "sum": .* are no Arrow stream of 265 uint8/,
    );
    new DataView(column.buffer).setFloat32(4, Infinity, true);
    expect(() => read(column)).toThrow('INVALID_ARGUMENT: value 768 of "sum" is not finite');
  });

  it("is refused by name when it is damaged, none, or has a value that is not finite", () => {
    const read = (arrow: Buffer, sum = crc32(arrow)) =>
      readChunk({ vector: 0, offset: 100, arrow, crc32: sum }, about("sum", 3), new Float32Array(3));
    const arrow = arrowOf(floats(1, 2, 3));
    expect(() => read(arrow, crc32(arrow) ^ 1)).toThrow(
      'DATA_LOSS: a chunk of "sum" is damaged: its CRC-32 is another',
    );
    expect(() => read(Buffer.from("x"))).toThrow(/^INVALID_ARGUMENT: a chunk of "sum": /);
    for (const [i, bad] of [NaN, Infinity, -Infinity].entries()) {
      const values = [1, 2, 3].with(i, bad);
      expect(() => read(arrowOf(floats(...values)))).toThrow(
        `INVALID_ARGUMENT: value ${100 + i} of "sum" is not finite`,
      );
    }
  });
});

describe("a parcel", () => {
  const long = Float32Array.from({ length: 2 * CHUNK + 3 }, (_, i) => i % 1000);

  it("is its header, then its vectors in chunks, the last of each short", async () => {
    const vectors = [vector("t", floats(1, 2)), vector("sum", long, true)];
    const messages = await sent(vectors);
    expect(messages[0]!.header).toMatchObject({ ...header, vectors: aboutOf(vectors) });
    expect(aboutOf(vectors)).toEqual([about("t", 2), about("sum", long.length, true)]);
    expect(messages.slice(1).map(({ chunk }) => [chunk!.vector, chunk!.offset])).toEqual([
      [0, 0],
      [1, 0],
      [1, CHUNK],
      [1, 2 * CHUNK],
    ]);
    const sizes = [pieceSize("float32", 2), 2 * pieceSize("uint16", CHUNK), pieceSize("uint16", 3)];
    expect(sharedSize(vectors)).toBe(sizes.reduce((a, b) => a + b));
    const there: number[][] = [];
    const rest = iterated(messages);
    const { vectors: wanted } = (await readHeader(rest))!;
    const read = await readVectors(rest, wanted, { onChunk: (...chunk) => there.push(chunk) });
    expect(read[0]).toEqual(floats(1, 2));
    expect(read[1]!.every((value, i) => Math.abs(value - long[i]!) <= long[i]! / 256)).toBe(true);
    expect(there).toEqual([[0, 2], [1, CHUNK], [1, 2 * CHUNK], [1, 2 * CHUNK + 3]]); // prettier-ignore
  });

  it("carries what was rounded to int8 without loss, its blocks counted from the start of the vector", async () => {
    const values = roundToInt8(Float32Array.from(long, (value, i) => (value - 500) * 2 ** (i % 7000 === 0 ? 9 : -3)));
    const vectors = [{ ...vector("sum", values), int8: true }];
    const messages = await sent(vectors);
    expect(messages[0]!.header!.vectors).toEqual([{ ...about("sum", long.length), int8: true }]);
    const carried = messages.slice(1).reduce((n, { chunk }) => n + chunk!.arrow.length, 0);
    expect(carried).toBe(sharedSize(vectors));
    expect(carried - bytesOf(long.length, "int8")).toBeLessThan(3 * 600);
    const rest = iterated(messages);
    const { vectors: wanted } = (await readHeader(rest))!;
    requireVectors(wanted, aboutOf(vectors));
    expect(sameBits((await readVectors(rest, wanted))[0]!, values)).toBe(true);
  });

  it("is a header alone without vectors", async () => {
    expect((await sent([])).map(({ header: one }) => one?.runId)).toEqual(["run"]);
  });

  it("ends where a look at a piece says so", async () => {
    const seen: number[] = [];
    const look = (piece: Float32Array) => seen.push(piece.length) < 2;
    const sending = sent([{ ...vector("sum", long), look }]);
    await expect(sending).rejects.toThrow("sum is not to be sent");
    expect(seen).toEqual([CHUNK, CHUNK]);
  });

  it("is refused when another message than the next comes, or one too few", async () => {
    const messages = await sent([vector("a", floats(1)), vector("b", floats(2, 3))]);
    const [first, a, b] = messages as [ParcelMessage, ParcelMessage, ParcelMessage];
    const wanted = first.header!.vectors;
    const read = (...rest: ParcelMessage[]) => readVectors(iterated(rest), wanted);
    await expect(read(b, a)).rejects.toThrow('a message is not the chunk at 0 of "a", which was to come');
    await expect(read(a, { chunk: { ...b.chunk!, offset: 1 } })).rejects.toThrow('not the chunk at 0 of "b"');
    await expect(read(a, first)).rejects.toThrow('not the chunk at 0 of "b"');
    await expect(read(a)).rejects.toThrow('it ends within "b"');
    const shared = { vector: 0, offset: 0, at: 0, pieces: 1 };
    await expect(read({ shared })).rejects.toThrow('"a" is in shared memory, of which the header does not tell');
    expect(await readHeader(iterated([]))).toBeUndefined();
    await expect(readHeader(iterated([a]))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "a parcel begins with its header",
    });
    expect((await readHeader(iterated(messages)))!.from).toBe(3 satisfies Header["from"]);
  });

  it("is refused by the first vector that is not what was to come", () => {
    const wanted = [about("t", 4), about("sum", 9, true)];
    expect(() => requireVectors([...wanted], wanted)).not.toThrow();
    const refusal = (...got: (typeof wanted)[number][]) => {
      try {
        requireVectors(got, wanted);
        return "";
      } catch (error) {
        return (error as Error).message.replace("INVALID_ARGUMENT: ", "");
      }
    };
    const [t, sum] = wanted as [(typeof wanted)[number], (typeof wanted)[number]];
    const second = 'expected "sum" of 9 bfloat16 values';
    expect(refusal(t)).toBe(`vector 1 is nothing, ${second}`);
    expect(refusal({ ...t, name: "u" }, sum)).toBe('vector 0 is "u" of 4 float32 values, expected "t" of 4 float32 values'); // prettier-ignore
    expect(refusal(t, { ...sum, length: 8 })).toBe(`vector 1 is "sum" of 8 bfloat16 values, ${second}`);
    expect(refusal(t, { ...sum, bfloat16: false })).toBe(`vector 1 is "sum" of 9 float32 values, ${second}`);
    expect(refusal(t, { ...sum, int8: true })).toBe(`vector 1 is "sum" of 9 int8 values, ${second}`);
    expect(refusal(t, sum, t)).toBe('vector 2 is "t" of 4 float32 values, expected nothing');
  });
});

describe("the sum of a range", () => {
  const values = (length: number, value: number) => new Float32Array(length).fill(value);
  const part = (there: number, ...sums: [number, number, Float32Array][]): Part => ({
    ...{ source: {}, there },
    sums: sums.map(([first, level, one]) => ({ subtree: { first, level }, value: inPieces(one) })),
  });

  it("is added as far as everything is there, in whole pieces, and once", () => {
    const length = 2 * CHUNK + 5;
    const out = values(length, 7);
    let parts: (Part | undefined)[] = [part(length, [0, 1, values(length, 1)]), undefined];
    const sum = new RangeSum({ parts: () => parts, shards: 4, out, format: "float32" });
    const ends = () => [0, CHUNK - 1, CHUNK, 2 * CHUNK, length - 1].map((i) => out[i]);
    expect(sum.advance()).toBeUndefined();
    expect([ends(), sum.complete]).toEqual([[7, 7, 7, 7, 7], false]);
    const other = part(CHUNK + 1, [2, 1, values(length, 2)]);
    parts = [parts[0], other];
    sum.advance();
    expect([ends(), sum.complete]).toEqual([[3, 3, 7, 7, 7], false]);
    out[0] = 9;
    parts = [parts[0], { ...other, there: length }];
    sum.advance();
    // What was added before is left as it is.
    expect([ends(), sum.complete]).toEqual([[9, 3, 3, 3, 3], true]);
    parts = [parts[0], part(length, [2, 1, values(length, 5)])];
    sum.advance();
    expect(ends()).toEqual([6, 6, 6, 6, 6]);
  });

  it("is in the order of the tree, into its place, and leaves the parts as they are", () => {
    // (1 + 2^-24) + (2^-24 + 2^-23) is 1 + 2^-22 in float32; from the left one by one it would be 1 + 2^-23.
    const of = [1, 2 ** -24, 2 ** -24, 2 ** -23].map((value) => floats(value));
    const out = floats(0);
    const [a, b, c, d] = of as [Float32Array, Float32Array, Float32Array, Float32Array];
    const parts = [part(1, [0, 0, a], [1, 0, b]), part(1, [2, 0, c], [3, 0, d])];
    const sum = new RangeSum({ parts: () => parts, shards: 4, out, format: "float32" });
    sum.advance();
    expect(out[0]).toBe(1 + 2 ** -22);
    expect(of.map((one) => one[0])).toEqual([1, 2 ** -24, 2 ** -24, 2 ** -23]);
    const one = new RangeSum({ parts: () => [part(1, [0, 0, floats(4)])], shards: 1, out, format: "float32" });
    expect([one.advance(), out[0], one.complete]).toEqual([undefined, 4, true]);
  });

  it("is rounded to int8 in the blocks of the whole vector, which pieces do not cut", () => {
    expect(CHUNK % 256).toBe(0);
    const length = 2 * CHUNK + 300;
    const [a, b] = [1, 2].map((seed) => Float32Array.from({ length }, (_, i) => Math.sin(seed * i) * 2 ** (i % 13)));
    const out = values(length, 0);
    const parts = [part(length, [0, 0, a!]), part(length, [1, 0, b!])];
    const sum = new RangeSum({ parts: () => parts, shards: 2, out, format: "int8" });
    expect([sum.advance(), sum.complete]).toEqual([undefined, true]);
    const added = Float32Array.from(a!, (value, i) => value + b![i]!);
    expect(sameBits(out, fromInt8(toInt8(added), values(length, 0)))).toBe(true);
    expect(sameBits(out, added)).toBe(false);
    expect(int8Size(length)).toBe(length + 4 * Math.ceil(length / 256));
  });

  it("is rounded if asked to, and tells a value that is not finite", () => {
    const out = floats(0, 0);
    const rounded = new RangeSum({ parts: () => [part(2, [0, 0, floats(1 + 2 ** -9, 3)])], shards: 1, out, format: "bfloat16" }); // prettier-ignore
    rounded.advance();
    expect(out).toEqual(floats(1, 3));
    const large = [part(2, [0, 0, floats(1, 3e38)]), part(2, [1, 0, floats(1, 3e38)])];
    for (const format of ["float32", "bfloat16", "int8"] as const) {
      const sum = new RangeSum({ parts: () => large, shards: 2, out, format });
      expect([sum.advance(), sum.complete]).toEqual([Infinity, false]);
    }
    expect(cut(floats(1, 2, 3, 4), { first: 1, end: 3 })).toEqual(floats(2, 3));
  });
});
