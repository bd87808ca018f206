import { expect, it } from "vitest";
import { randomKey, threefry, type Key } from "../../src/base/random.ts";
import "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";

/**
 * `n` words as jax lays its counters out: block i encrypts (i, i + n/2), the first words of all blocks come before the
 * second ones.
 */
function jaxBits(key: Key, n: number): number[] {
  const half = Math.ceil(n / 2);
  // jax pads an odd number of counters with a zero.
  const second = (i: number) => (half + i < n ? half + i : 0);
  const blocks = Array.from({ length: half }, (_, i) => threefry(key, i, second(i)));
  return [...blocks.map(([a]) => a), ...blocks.map(([, b]) => b)].slice(0, n);
}

/** jax.random.uniform: the upper 23 bits, then an affine map, in float32. */
function jaxUniform(key: Key, n: number, low = 0, high = 1): number[] {
  const width = Math.fround(Math.fround(high) - Math.fround(low));
  return jaxBits(key, n).map((word) => {
    const unit = (word >>> 9) * 2 ** -23;
    return Math.max(Math.fround(low), Math.fround(Math.fround(unit * width) + Math.fround(low)));
  });
}

const seedOf = (golden: GoldenCase) => Number(/^seed(\d+)$/.exec(golden.name)![1]);
const what = (golden: GoldenCase, name: string) => golden.entry.tensors[name]!.what;

/**
 * The generator is jax's; what is made of its words is not (normal numbers, integers and signs are drawn in ways of our
 * own), so those tensors are left out.
 */
const OWN_WAYS = ["normal", "randint02", "rademacher"];

const COMPUTED: Record<string, (golden: GoldenCase, key: Key) => ArrayLike<number>> = {
  key: (_, key) => key,
  uniform: (golden, key) => jaxUniform(key, golden.numbers("uniform").length),
  uniform_scaled(golden, key) {
    const [, low, high] = /minval=([\d.e-]+),maxval=([\d.e-]+)/.exec(what(golden, "uniform_scaled"))!;
    return jaxUniform(key, golden.numbers("uniform_scaled").length, Number(low), Number(high));
  },
};

describeFamily("prng", (cases) => {
  for (const golden of cases) {
    const key = randomKey(seedOf(golden));
    for (const name of golden.names().filter((name) => !OWN_WAYS.includes(name))) {
      it(`${golden.name}: ${name}`, () => {
        const fold = /^fold_in_(\d+)$/.exec(name);
        const split = /^split(\d+)$/.exec(name);
        const received = fold
          ? randomKey(seedOf(golden), Number(fold[1]))
          : split
            ? jaxBits(key, 2 * Number(split[1]))
            : COMPUTED[name]!(golden, key);
        // XLA may fuse the affine map's product and sum, which leaves out one rounding.
        expect(received).toBeAllclose(golden.numbers(name), name === "uniform_scaled" ? { rtol: 2 ** -22 } : {});
      });
    }
  }
});
