import { describe, expect, it } from "vitest";
import { decompressLz4Block, decompressLz4Frame } from "../../../src/data/formats/lz4.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("decompressLz4Block", () => {
  it("copies matches that overlap themselves, and literals behind them", () => {
    // Literals "ab", a match of 2 + 8 bytes 2 back, literals "abcde".
    const block = Buffer.from([0x26, 97, 98, 2, 0, 0x50, 97, 98, 99, 100, 101]);
    expect(text(decompressLz4Block(block, 17))).toBe("abababababababcde".slice(0, 17));
  });

  it("makes nothing of the block of nothing", () => {
    expect(decompressLz4Block(Uint8Array.of(0), 0)).toHaveLength(0);
  });

  it.each([
    [[0x20, 97], 2, /cut short/],
    [[0x20, 97, 98, 0, 0], 9, /a match before its beginning/],
    [[0x20, 97, 98, 3, 0], 9, /a match before its beginning/],
    [[0x20, 97, 98, 1], 9, /cut short/],
    [[0x2f, 97, 98, 2, 0, 255, 255, 255], 9, /cut short/],
    [[0x2f, 97, 98, 2, 0, 255, 255, 0], 9, /longer than declared/],
    [[0x40, 97, 98, 99, 100], 3, /longer than declared/],
    [[0x20, 97, 98], 3, /shorter than declared/],
  ])("refuses %j for %d bytes", (block, size, message) => {
    expect(() => decompressLz4Block(Uint8Array.from(block), size)).toThrow(message);
  });
});

describe("decompressLz4Frame", () => {
  const block = [0x20, 97, 98];
  const frame = (flags: number, ...rest: number[]) => Uint8Array.from([4, 34, 77, 24, flags, 0x40, 0, ...rest]);

  it("joins packed and stored blocks", () => {
    const blocks = frame(0x40, 3, 0, 0, 0, ...block, 1, 0, 0, 0x80, 99, 0, 0, 0, 0);
    expect(text(decompressLz4Frame(blocks, 3))).toBe("abc");
  });

  it("refuses what is none, is cut short, or of another size", () => {
    expect(() => decompressLz4Frame(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]), 1)).toThrow(/no LZ4 frame/);
    expect(() => decompressLz4Frame(frame(0x41), 1)).toThrow(/unknown kind/);
    expect(() => decompressLz4Frame(frame(0x40, 3, 0, 0, 0, 0x20), 2)).toThrow(/cut short/);
    expect(() => decompressLz4Frame(frame(0x40, 3, 0, 0, 0, ...block), 2)).toThrow(RangeError);
    expect(() => decompressLz4Frame(frame(0x40, 3, 0, 0, 0, ...block, 0, 0, 0, 0), 5)).toThrow(/another length/);
    expect(() => decompressLz4Frame(frame(0x40, 3, 0, 0, 0x80, 1, 2, 3, 0, 0, 0, 0), 2)).toThrow(RangeError);
  });
});
