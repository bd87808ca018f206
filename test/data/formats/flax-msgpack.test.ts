import { describe, expect, it } from "vitest";
import { flaxPieces, parseFlax } from "../../../src/data/formats/flax-msgpack.ts";
import { msgpackPieces, type Writable } from "../../../src/data/formats/msgpack-pieces.ts";
import { namedArray, valuesOfArray } from "../../../src/data/formats/named-array.ts";

const written = (value: Writable) => [...Buffer.concat([...msgpackPieces(value)])];
const head = (value: Writable, length: number) => written(value).slice(0, length);
const sized = (length: number) => new Uint8Array(length);

describe("msgpackPieces", () => {
  it.each<[string, Writable, number[]]>([
    ["counts", [0, 127, 128, 255, 256, 65_535], [0x96, 0, 127, 0xcc, 128, 0xcc, 255, 0xcd, 1, 0, 0xcd, 255, 255]],
    ["a count of 32 bits", 65_536, [0xce, 0, 1, 0, 0]],
    ["text", ["ab", "\u00e9"], [0x92, 0xa2, 97, 98, 0xa2, 0xc3, 0xa9]],
    ["a map", new Map([["a", 1]]), [0x81, 0xa1, 97, 1]],
    ["an extension", { type: 3, pieces: [Uint8Array.of(1), Uint8Array.of(2)] }, [0xd5, 3, 1, 2]],
    ["an extension of three bytes", { type: 1, pieces: [sized(3)] }, [0xc7, 3, 1, 0, 0, 0]],
  ])("writes %s in the shortest form", (_, value, bytes) => {
    expect(written(value)).toEqual(bytes);
  });

  it("announces lengths by the next longer form from its first length on", () => {
    expect([head("x".repeat(31), 1), head("x".repeat(32), 2)]).toEqual([[0xbf], [0xd9, 32]]);
    expect([head(sized(255), 2), head(sized(256), 3)]).toEqual([[0xc4, 255], [0xc5, 1, 0]]); // prettier-ignore
    expect([head(sized(65_535), 3), head(sized(65_536), 5)]).toEqual([[0xc5, 255, 255], [0xc6, 0, 1, 0, 0]]); // prettier-ignore
    expect([head(Array<number>(15).fill(0), 1), head(Array<number>(16).fill(0), 3)]).toEqual([[0x9f], [0xdc, 0, 16]]);
    const map = (size: number) => new Map(Array.from({ length: size }, (_, i) => [String(i), 0]));
    expect([head(map(15), 1), head(map(16), 3)]).toEqual([[0x8f], [0xde, 0, 16]]);
    for (const value of [-1, 0.5, 2 ** 32]) expect(() => written(value)).toThrow(RangeError);
  });
});

describe("trees of flax", () => {
  const kernel = namedArray("F32", [2, 1], Float32Array.of(1, -2));
  const bytes = Buffer.concat([...flaxPieces(new Map([["a/kernel", kernel], ["a/step", namedArray("I32", [], Int32Array.of(7))], ["b", null]]))]); // prettier-ignore

  it("come back in order, empty branches too", () => {
    const tree = parseFlax(bytes);
    expect([...tree.keys()]).toEqual(["a/kernel", "a/step", "b"]);
    expect(tree.get("a/kernel")).toMatchObject({ dtype: "F32", shape: [2, 1] });
    expect([...valuesOfArray(tree.get("a/kernel")!)]).toEqual([1, -2]);
    expect([...valuesOfArray(tree.get("a/step")!)]).toEqual([7]);
    expect(tree.get("b")).toBeNull();
  });

  it.each<[string, Writable, string]>([
    ["no map", 1, "it does not begin with a map"],
    ["bytes for an array", new Map([["a", sized(1)]]), '"a": bytes where an array should be'],
    ["another extension", new Map([["a", { type: 2, pieces: [sized(1)] }]]), '"a": extension 2 is no array'],
    ["a name with a slash", new Map([["a/b", 1]]), 'a branch with the name "a/b"'],
    ["too few bytes", new Map([["a", { type: 1, pieces: [...msgpackPieces([[2], "float32", sized(7)])] }]]), '"a": [2] of float32 needs 8 bytes, it has 7'], // prettier-ignore
    ["no dtype", new Map([["a", { type: 1, pieces: [...msgpackPieces([[2], "f4", sized(8)])] }]]), '"a": the dtype is "f4"'], // prettier-ignore
  ])("refuse %s", (_, value, words) => {
    expect(() => parseFlax(Buffer.concat([...msgpackPieces(value)]))).toThrow(words);
  });

  it("keep plain numbers as arrays without dimensions", () => {
    const tree = parseFlax(Uint8Array.of(0x81, 0xa1, 97, 5));
    expect(tree.get("a")).toMatchObject({ dtype: "I64", shape: [] });
    expect([...valuesOfArray(tree.get("a")!)]).toEqual([5n]);
  });
});
