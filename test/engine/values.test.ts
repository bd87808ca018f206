import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { lend, readInto } from "../../src/engine/values.ts";

describe("values of a tensor", () => {
  it("are read into memory that is there, also a part of it", () => {
    const x = tf.tidy(() => tf.range(0, 6).mul(0.5));
    const memory = new Float32Array(10).fill(7);
    expect(readInto(x, memory.subarray(2, 8))).toEqual(Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5));
    expect([...memory]).toEqual([7, 7, 0, 0.5, 1, 1.5, 2, 2.5, 7, 7]);
    expect(() => readInto(x, new Float32Array(5))).toThrow("expected a Float32Array of 6 values");
    expect(memory[0]).toBe(7);
    x.dispose();
  });

  it("are lent, also when the tensor is gone, until they are taken back", async () => {
    const x = tf.tidy(() => tf.range(0, 100_000).mul(2));
    const y = tf.tidy(() => tf.add(x, 1));
    const lent = lend(x);
    x.dispose();
    // What is computed next does not get this memory.
    tf.tidy(() => tf.mul(y, y).add(y).dataSync());
    expect(lent.values).toHaveLength(100_000);
    expect(lent.values.every((value, i) => value === 2 * i)).toBe(true);
    lent.takeBack();
    await setImmediate();
    expect(lent.values).toHaveLength(0);
    y.dispose();
  });

  it("are no memory that grows", async () => {
    const round = async () => {
      const x = tf.ones([5_000_000]);
      const { values, takeBack } = lend(x);
      x.dispose();
      expect(values[4_999_999]).toBe(1);
      takeBack();
      await setImmediate();
    };
    for (let i = 0; i < 5; i++) await round();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 50; i++) await round();
    // 20 MB each.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
  });

  it("of nothing are nothing", () => {
    const x = tf.tensor1d([]);
    const { values, takeBack } = lend(x);
    expect(values).toHaveLength(0);
    takeBack();
    expect(readInto(x, new Float32Array())).toHaveLength(0);
    x.dispose();
  });
});
