import { describe, expect, it } from "vitest";
import { findAdder } from "../../src/engine/add-values.ts";
import { isNative, nativeBackend } from "../../src/engine/kernels.ts";
import { tf } from "../../src/engine/tf.ts";

/** Of any size, and as often subnormal as not. */
function numbers(count: number, seed: number): Float32Array {
  const bits = new Uint32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const finite = (state & 0x7f800000) === 0x7f800000 ? state & ~0x40000000 : state;
    bits[i] = i % 2 === 0 ? finite : finite & 0x81ffffff;
  }
  return new Float32Array(bits.buffer);
}

const bitsOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

describe("the addition of vectors", () => {
  it.each([1, 3, 4, 1001, 300_007])("of %i values has the bits of the engine's", (n) => {
    const [a, b] = [numbers(n, 1), numbers(n, 2)];
    const wanted = tf.tidy(() => tf.add(tf.tensor1d(a), tf.tensor1d(b)).dataSync() as Float32Array);
    const out = new Float32Array(n);
    findAdder()(a, b, out);
    expect(bitsOf(out).equals(bitsOf(wanted))).toBe(true);
    findAdder()(a, b, a);
    expect(bitsOf(a).equals(bitsOf(wanted))).toBe(true);
  });

  it("is compiled where the binding has it", () => {
    const compiled = isNative() ? nativeBackend().binding.addValues : undefined;
    if (process.arch === "x64" && isNative()) expect(findAdder()).toBe(compiled);
    expect(() => compiled?.(new Float32Array(2), new Float32Array(3), new Float32Array(3))).toThrow("one length");
  });

  it("leaves alone how others compute with subnormal numbers", () => {
    findAdder()(new Float32Array(8), new Float32Array(8), new Float32Array(8));
    expect(2 ** -1074 + 2 ** -1074).toBe(2 ** -1073);
  });
});
