import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstNonFinite, search } from "../../src/ops/finite.ts";

describe.each([
  ["by compiled code", firstNonFinite],
  ["without", search],
])("%s", (_, find) => {
  it("finds the first value that is not finite, as Number.isFinite does", () => {
    const value = fc.oneof({ weight: 30, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) }, fc.float());
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), fc.nat(3), (list, from) => {
        const values = Float32Array.from(list).subarray(from);
        expect(find(values)).toBe([...values].findIndex((value) => !Number.isFinite(value)));
      }),
    );
  });

  it("finds it in vectors of several blocks, and takes the largest values for finite", () => {
    for (const at of [0, 1023, 4095, 4096, 4100, 12_287, 12_288, 12_299]) {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const values = new Float32Array(12_300).fill(3.4e38);
        expect(find(values)).toBe(-1);
        expect(find(values.fill(bad, at, at + 2))).toBe(at);
      }
    }
    const both = new Float32Array(8192);
    both.set([Infinity, -Infinity], 5000);
    expect(find(both)).toBe(5000);
  });
});
