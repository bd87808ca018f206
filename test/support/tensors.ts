/** Tensors to test with. */
import type { Tensor } from "@tensorflow/tfjs";
import { expect } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { fillNormal, randomKey } from "../../src/base/random.ts";

/** Standard normal numbers, a function of the seed. */
export function normal(n: number, seed: number): Float32Array {
  const out = new Float32Array(n);
  fillNormal(randomKey(seed, "test"), out);
  return out;
}

/** A tensor of standard normal numbers. */
export function normalTensor<T extends Tensor>(shape: readonly number[], seed: number): T {
  return tf.tensor(normal(tf.util.sizeFromShape([...shape]), seed), [...shape]) as T;
}

export const values = (t: Tensor) => Array.from(t.dataSync());

/** Expects that `run` leaves as many tensors as it found. */
export async function expectNoLeak<T>(run: () => T | Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const result = await run();
  expect(tf.memory().numTensors - before, "tensors left over").toBe(0);
  return result;
}

/** [f(+h e_i) - f(-h e_i)] / 2h of a scalar function, for a few coordinates i. */
export function numericalGradient(
  f: (x: Float32Array) => number,
  x: Float32Array,
  coordinates: number[],
  h = 1e-2,
): number[] {
  return coordinates.map((i) => {
    const at = (delta: number) => f(x.map((v, j) => (j === i ? v + delta : v)));
    return (at(h) - at(-h)) / (2 * h);
  });
}
