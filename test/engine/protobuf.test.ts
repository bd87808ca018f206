import { describe, expect, it } from "vitest";
import { lengthField, numberField, wireFields } from "../../src/engine/protobuf.ts";

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

describe("wireFields", () => {
  it("reads what was written, and goes over what it does not need", () => {
    const fixed = Buffer.from([(7 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8, (8 << 3) | 5, 1, 2, 3, 4]);
    const inner = lengthField(300, "x".repeat(200), Buffer.from("y"));
    const message = Buffer.concat([numberField(1, 2 ** 40), fixed, lengthField(2, inner), lengthField(3)]);
    const fields = [...wireFields(message)];
    expect(fields.map(({ number }) => number)).toEqual([1, 7, 8, 2, 3]);
    expect(fields.map(({ content }) => content?.length)).toEqual([undefined, undefined, undefined, inner.length, 0]);
    const [nested] = [...wireFields(fields[3]!.content!)];
    expect([nested!.number, text(nested!.content)]).toEqual([300, `${"x".repeat(200)}y`]);
  });

  it("writes the bytes of the format", () => {
    expect([...numberField(1, 150)]).toEqual([0x08, 0x96, 0x01]);
    expect([...lengthField(2, "testing")]).toEqual([0x12, 7, ...Buffer.from("testing")]);
  });

  it.each([
    ["a length beyond its end", [0x0a, 5, 1, 2], /cut short/],
    ["a number that does not end", [0x08, 0x80], /cut short/],
    ["a number too long", [0x08, ...new Array<number>(10).fill(0x80), 0], /more than 10 bytes/],
    ["a group", [0x0b], /unknown kind 3/],
    ["field 0", [0x02, 0], /without a number/],
  ])("refuses %s", (_, bytes, reason) => {
    expect(() => [...wireFields(Uint8Array.from(bytes))]).toThrow(reason);
  });
});
