import fc from "fast-check";
import { expect, it } from "vitest";
import { firstNonFinite } from "../../src/ops/finite.ts";

it("finds the first value that is not finite, as Number.isFinite does", () => {
  const value = fc.oneof({ weight: 30, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) }, fc.float());
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), fc.nat(3), (list, from) => {
      const values = Float32Array.from(list).subarray(from);
      expect(firstNonFinite(values)).toBe([...values].findIndex((value) => !Number.isFinite(value)));
    }),
  );
});
