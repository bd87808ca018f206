import { describe, expect, it } from "vitest";
import { bitsPerDimOf } from "../../src/likelihood/bits-per-dim.ts";

describe("bitsPerDim", () => {
  it.each([2, 16, 256])("is log2(%i) for a uniform density, centred or not", (levels) => {
    const dims = 12;
    expect(bitsPerDimOf(0, dims, { levels, centered: false })).toBeCloseTo(Math.log2(levels), 12);
    // On [-1, 1) the uniform density is 1/2 in each dimension.
    expect(bitsPerDimOf(-dims * Math.LN2, dims, { levels, centered: true })).toBeCloseTo(Math.log2(levels), 12);
  });

  it("is 0 for a density that puts all mass on the right value", () => {
    const dims = 5;
    expect(bitsPerDimOf(dims * Math.log(256), dims, { levels: 256, centered: false })).toBeCloseTo(0, 12);
    expect(bitsPerDimOf(dims * Math.log(128), dims, { levels: 256, centered: true })).toBeCloseTo(0, 12);
  });

  it("falls by one bit for each factor of two to the power of D", () => {
    const options = { levels: 256, centered: true };
    expect(bitsPerDimOf(7 * Math.LN2, 7, options) - bitsPerDimOf(0, 7, options)).toBeCloseTo(-1, 12);
  });
});
