import { describe, expect, it } from "vitest";
import { decodeMsgpack, MsgpackError, type MsgpackValue } from "../../../src/data/formats/msgpack.ts";

const decode = (...bytes: readonly number[]) => decodeMsgpack(Uint8Array.from(bytes));
const zeros = (count: number) => Array<number>(count).fill(0);
const text = (length: number) => Array<number>(length).fill(97);

describe("decodeMsgpack", () => {
  it.each<[string, number[], MsgpackValue]>([
    ["the largest fixint", [0x7f], 127],
    ["negative fixints", [0xe0], -32],
    ["minus one", [0xff], -1],
    ["nil", [0xc0], null],
    ["false", [0xc2], false],
    ["true", [0xc3], true],
    ["uint8", [0xcc, 200], 200],
    ["uint16", [0xcd, 1, 2], 258],
    ["uint32", [0xce, 0xff, 0, 0, 1], 0xff000001],
    ["uint64", [0xcf, 0, 0, 1, 0, 0, 0, 0, 2], 2 ** 40 + 2],
    ["int8", [0xd0, 0x80], -128],
    ["int16", [0xd1, 0xff, 0x00], -256],
    ["int32", [0xd2, 0xff, 0xff, 0, 0], -65_536],
    ["int64", [0xd3, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0], -(2 ** 40)],
    ["float32", [0xca, 0x3f, 0x80, 0, 0], { float: 1 }],
    ["float64", [0xcb, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0], { float: -0.5 }],
    ["fixstr", [0xa2, 97, 98], "ab"],
    ["str8", [0xd9, 1, 97], "a"],
    ["str16", [0xda, 0, 1, 97], "a"],
    ["str32", [0xdb, 0, 0, 0, 1, 97], "a"],
    ["bin8", [0xc4, 2, 5, 6], Uint8Array.of(5, 6)],
    ["bin16", [0xc5, 0, 1, 5], Uint8Array.of(5)],
    ["bin32", [0xc6, 0, 0, 0, 1, 5], Uint8Array.of(5)],
    ["fixext 1", [0xd4, 0xff, 9], { type: -1, data: Uint8Array.of(9) }],
    ["fixext 2", [0xd5, 1, 8, 9], { type: 1, data: Uint8Array.of(8, 9) }],
    ["fixext 16", [0xd8, 3, ...zeros(16)], { type: 3, data: new Uint8Array(16) }],
    ["ext8", [0xc7, 1, 3, 9], { type: 3, data: Uint8Array.of(9) }],
    ["ext16", [0xc8, 0, 1, 3, 9], { type: 3, data: Uint8Array.of(9) }],
    ["ext32", [0xc9, 0, 0, 0, 1, 3, 9], { type: 3, data: Uint8Array.of(9) }],
    ["fixarray", [0x92, 1, 0x91, 2], [1, [2]]],
    ["array16", [0xdc, 0, 2, 1, 2], [1, 2]],
    ["array32", [0xdd, 0, 0, 0, 1, 7], [7]],
    ["fixmap", [0x82, 0xa1, 97, 1, 0xa1, 98, 2], new Map([["a", 1], ["b", 2]])], // prettier-ignore
    ["map16", [0xde, 0, 1, 0xa1, 97, 1], new Map([["a", 1]])],
    ["map32", [0xdf, 0, 0, 0, 1, 0xa1, 97, 1], new Map([["a", 1]])],
  ])("reads %s", (_, bytes, value) => {
    expect(decode(...bytes)).toEqual(value);
  });

  it.each<[string, number[], string]>([
    ["a code of no value", [0xc1], "at byte 1: 0xc1 begins no value"],
    ["nothing", [], "at byte 0: 1 bytes should follow, the file has 0 more"],
    ["bytes cut short", [0xc4, 3, 1, 2], "3 bytes should follow, the file has 2 more"],
    ["a second value", [1, 2], "at byte 1: 1 bytes follow the end"],
    ["a name that comes twice", [0x82, 0xa1, 97, 1, 0xa1, 97, 2], 'the name "a" comes twice'],
    ["a name that is a number", [0x81, 1, 1], "a name is not text"],
    ["a map that cannot fit", [0xde, 0xff, 0xff, 0xa1, 97, 1], "a map of 65535 entries does not fit in the file"],
    ["a list of 65", [0xdc, 0, 65, ...zeros(65)], "a list of 65 values, at most 64"],
    ["a text of 1025 bytes", [0xda, 4, 1, ...text(1025)], "a text of 1025 bytes, at most 1024"],
    ["a text that is not UTF-8", [0xa1, 0xff], "a text is not UTF-8"],
    ["integers beyond 2^53", [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0], "the integer 9007199254740992 is too large"],
    ["33 levels in the first", [...Array<number>(33).fill(0x91), 0], "more than 32 levels"],
  ])("refuses %s", (_, bytes, words) => {
    expect(() => decode(...bytes)).toThrow(words);
    expect(() => decode(...bytes)).toThrow(MsgpackError);
  });

  it("takes what is just within the limits", () => {
    expect(decode(0xdc, 0, 64, ...zeros(64))).toEqual(zeros(64));
    expect(decode(0xda, 4, 0, ...text(1024))).toHaveLength(1024);
    expect(decode(0xcf, 0, 0x1f, ...Array<number>(6).fill(0xff))).toBe(2 ** 53 - 1);
    expect(() => decode(...Array<number>(32).fill(0x91), 0)).not.toThrow();
  });

  it("gives views on the bytes it was given", () => {
    const bytes = Uint8Array.of(0, 0xc4, 2, 5, 6).subarray(1);
    expect((decodeMsgpack(bytes) as Uint8Array).buffer).toBe(bytes.buffer);
    expect(decodeMsgpack(bytes)).toEqual(Uint8Array.of(5, 6));
  });
});
