import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pieceFromIPC, pieceSize, pieceToIPC } from "../../../src/data/formats/vector-ipc.ts";

const floats = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i) * 10 ** ((i % 9) - 4));

describe("pieces of vectors", () => {
  it.each([1, 2, 3, 8, 1000, 4097])("of %i values are Arrow IPC streams that come back", (n) => {
    for (const [values, type] of [
      [floats(n), "float32"],
      [Uint16Array.from(floats(n), Math.abs), "uint16"],
    ] as const) {
      const bytes = pieceToIPC(values);
      expect(bytes).toHaveLength(pieceSize(type, n));
      const table = tableFromIPC(bytes);
      expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([`values ${type === "float32" ? "Float32" : "Uint16"}`]); // prettier-ignore
      expect(table.getChild("values")!.toArray()).toEqual(values);
      // As gRPC hands it over: anywhere in a larger buffer.
      const within = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
      const target = type === "float32" ? new Float32Array(n) : new Uint16Array(n);
      expect(pieceFromIPC(within, target)).toEqual(values);
    }
  });

  it("refuses every other framing, length and type", () => {
    const bytes = pieceToIPC(floats(5));
    expect(() => pieceFromIPC(bytes, new Float32Array(6))).toThrow(RangeError);
    expect(() => pieceFromIPC(bytes, new Uint16Array(10))).toThrow(RangeError);
    expect(() => pieceFromIPC(bytes.subarray(1), new Float32Array(5))).toThrow(RangeError);
    expect(() => pieceFromIPC(new Uint8Array(), new Float32Array(5))).toThrow(RangeError);
    const body = { first: bytes.length - 8 - 24, end: bytes.length - 8 };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        if (at >= body.first && at < body.end) return;
        const damaged = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ flip : byte));
        expect(() => pieceFromIPC(damaged, new Float32Array(5))).toThrow("are no Arrow stream of 5 float32 values");
      }),
    );
  });
});
