import { describe, expect, it } from "vitest";
import { fromInt8, INT8_BLOCK, int8Size, roundToInt8, toInt8 } from "../../src/ops/int8-blocks.ts";

const rounded = (values: Float32Array) => roundToInt8(values.slice());
const sameBits = (a: ArrayBufferView, b: ArrayBufferView) => Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);
const block = (...values: number[]) => Float32Array.from(values);

/** Values of all sizes, the same each time. */
function anyValues(length: number, exponents: number, seed: number): Float32Array {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from({ length }, () => (next() - 0.5) * 2 ** (exponents * (next() - 0.5)));
}

const LARGEST = 3.4028234663852886e38;
const cases: readonly (readonly [string, Float32Array])[] = [
  ...[1, 255, 256, 257, 1000].map((length) => [`${length} values`, anyValues(length, 4, length)] as const),
  ["values of all sizes", anyValues(200 * INT8_BLOCK, 250, 3)],
  ["values around the smallest scale", anyValues(50 * INT8_BLOCK, 4, 4).map((value) => value * 2 ** -119)],
  ["zeros", new Float32Array(300)],
  ["subnormal values", block(2 ** -149, -(2 ** -149), 2 ** -130, 1e-40)],
  ["the largest values", block(LARGEST, -LARGEST, LARGEST / 3, 1)],
  ["no values", new Float32Array(0)],
];

describe("int8 in blocks", () => {
  it.each(cases)("carries %s that were rounded to the bit", (_, values) => {
    const once = rounded(values);
    expect(sameBits(rounded(once), once)).toBe(true);
    expect(sameBits(toInt8(once), toInt8(values))).toBe(true);
    expect(once.every(Number.isFinite)).toBe(true);
  });

  it("carries every scale to the bit", () => {
    // Each largest value of a block has another mantissa.
    const blocks = 30_000;
    const values = new Float32Array(blocks * INT8_BLOCK);
    const tops = anyValues(blocks, 8, 5);
    for (const [i, top] of tops.entries()) values[i * INT8_BLOCK + (i % INT8_BLOCK)] = top;
    const once = rounded(values);
    expect(sameBits(rounded(once), once)).toBe(true);
  });

  it("takes a byte for a value and four for a block", () => {
    expect([0, 1, 256, 257, 1000].map(int8Size)).toEqual([0, 5, 260, 265, 1016]);
    expect(toInt8(new Float32Array(257))).toHaveLength(265);
  });

  it("has the scales of all blocks, the largest size by 127, then the multiples, ties to even", () => {
    const values = new Float32Array(260);
    values.set([254, -254, 1, 3, -1, -3, 3.1, 0.9]);
    values.set([-6.35, 0.05], 256);
    const bytes = toInt8(values);
    const [first, second] = new Float32Array(bytes.buffer, 0, 2);
    expect(first).toBe(2);
    expect(second).toBeCloseTo(0.05, 6);
    expect([...new Int8Array(bytes.buffer, 8, 8)]).toEqual([127, -127, 0, 2, 0, -2, 2, 0]);
    expect([...new Int8Array(bytes.buffer, 8 + 256, 4)]).toEqual([-127, 1, 0, 0]);
  });

  it("is off by half a multiple at most", () => {
    const values = anyValues(100 * INT8_BLOCK, 6, 6);
    const once = rounded(values);
    for (let at = 0; at < values.length; at += INT8_BLOCK) {
      const own = values.subarray(at, at + INT8_BLOCK);
      const largest = Math.max(...own.map(Math.abs));
      const most = Math.max(...own.map((value, i) => Math.abs(value - once[at + i]!)));
      expect(most).toBeLessThan((0.5002 * largest) / 127);
    }
  });

  it("leaves no subnormal number and no negative zero", () => {
    // Scales from 2^-145 to 2^-105.
    const sized = (value: number, i: number) => value * 2 ** -(100 + (Math.floor(i / INT8_BLOCK) % 40));
    const once = rounded(anyValues(80 * INT8_BLOCK, 4, 7).map(sized));
    const sizes = once.filter((value) => value !== 0).map(Math.abs);
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(2 ** -126);
    expect(once.some((value) => Object.is(value, -0))).toBe(false);
  });

  it.each([NaN, Infinity, -Infinity])("makes a block with %d one of NaN, and leaves the others", (bad) => {
    const values = new Float32Array(2 * INT8_BLOCK).fill(1);
    values[3] = bad;
    const once = rounded(values);
    expect(once.subarray(0, INT8_BLOCK).every(Number.isNaN)).toBe(true);
    expect(once.subarray(INT8_BLOCK).every(Number.isFinite)).toBe(true);
  });

  it("refuses bytes of another number of values", () => {
    expect(() => fromInt8(new Uint8Array(259), new Float32Array(256))).toThrow("259 bytes are not 256 values of int8");
  });
});
