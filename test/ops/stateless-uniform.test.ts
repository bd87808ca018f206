import { describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { statelessUniform } from "../../src/ops/stateless-uniform.ts";
import { moments } from "../support/numbers.ts";
import { expectNoLeak, values } from "../support/tensors.ts";

const draw = (seed: [number, number], stream: number, shape = [100, 100]) =>
  tf.tidy(() => values(statelessUniform(shape, tf.tensor1d(seed, "int32"), stream)));

describe("statelessUniform", () => {
  it("is a function of seed and stream", async () => {
    await expectNoLeak(() => {
      const first = draw([1, -2], 3);
      expect(draw([1, -2], 3)).toEqual(first);
      for (const other of [draw([2, -2], 3), draw([1, -1], 3), draw([1, -2], 4)]) expect(other).not.toEqual(first);
    });
  });

  it("draws from U[0, 1)", () => {
    const { mean, variance, min, max } = moments(draw([5, 6], 0));
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThan(1);
    // Four standard errors of 10,000 numbers.
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / 1e4));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / 1e4));
  });
});
