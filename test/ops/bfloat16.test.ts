import fc from "fast-check";
import { expect, it } from "vitest";
import { fromBfloat16, toBfloat16 } from "../../src/ops/bfloat16.ts";

const round = (...values: number[]) => [...fromBfloat16(toBfloat16(Float32Array.from(values)))];

it("rounds to the nearest of 8 bits, ties to even", () => {
  // Between 1 and 2 the numbers are 1/128 apart.
  expect(round(1, 1 + 1 / 256, 1 + 3 / 256, 1 + 1.01 / 256, -1 - 1 / 200)).toEqual([1, 1, 1 + 4 / 256, 1 + 2 / 256, -1 - 1 / 128]); // prettier-ignore
  expect(round(0, -0, 1e-45)).toEqual([0, -0, 0]);
});

it("is within a relative 2^-8 of any normal number, finite, and leaves its own numbers as they are", () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.array(finite), (numbers) => {
      const values = Float32Array.from(numbers);
      const rounded = fromBfloat16(toBfloat16(values));
      rounded.forEach((value, i) => {
        expect(Number.isFinite(value)).toBe(true);
        if (Math.abs(values[i]!) >= 2 ** -126) expect(Math.abs(value / values[i]! - 1)).toBeLessThanOrEqual(2 ** -8);
      });
      expect(fromBfloat16(toBfloat16(rounded))).toEqual(rounded);
    }),
  );
});
