import { describe, expect, it } from "vitest";
import { randomKey } from "../../src/base/random.ts";
import { fillTruncatedNormal, normalMass } from "../../src/base/truncated-normal.ts";

const N = 50_000;

function drawn(limit: number, seed = 1, n = N): Float32Array {
  const out = new Float32Array(n);
  fillTruncatedNormal((attempt) => randomKey(seed, "test", attempt), limit, out);
  return out;
}

describe("the truncated normal distribution", () => {
  it.each([
    [0.1, 0.0796556745540579],
    [1, 0.682689492137086],
    [2, 0.954499736103642],
    [4, 0.999936657516334],
    [50, 1],
  ])("has the mass of a normal one within %d", (limit, mass) => {
    expect(normalMass(limit)).toBeCloseTo(mass, 11);
  });

  it.each([0.2, 0.999, 1, 1.96, 3.9])("is drawn up to %d as its distribution function says", (limit) => {
    const sorted = drawn(limit).sort();
    const [least, most] = [sorted[0]!, sorted.at(-1)!];
    expect(Math.max(-least, most)).toBeLessThanOrEqual(Math.fround(limit));
    // P(z <= x) = 1/2 +- half of the mass within |x|.
    const mass = normalMass(limit);
    const cdf = (x: number) => 0.5 + (0.5 * Math.sign(x) * normalMass(Math.abs(x))) / mass;
    const distance = Math.max(
      ...Array.from({ length: 500 }, (_, i) => {
        const place = Math.floor(((i + 0.5) * N) / 500);
        return Math.abs(cdf(sorted[place]!) - (place + 0.5) / N);
      }),
    );
    // Kolmogorov and Smirnov: exceeded once in 10,000 by draws of the distribution.
    expect(distance).toBeLessThan(2.3 / Math.sqrt(N));
    const density = (2 * limit * Math.exp(-0.5 * limit ** 2)) / Math.sqrt(2 * Math.PI) / mass;
    const variance = sorted.reduce((sum, z) => sum + z * z, 0) / N;
    expect(Math.abs(variance - (1 - density))).toBeLessThan(5 * limit ** 2 * Math.sqrt(0.25 / N));
  });

  it("gives the same numbers again, and others by another seed", () => {
    expect(drawn(0.5, 1, 100)).toEqual(drawn(0.5, 1, 100));
    expect(drawn(0.5, 2, 100)).not.toEqual(drawn(0.5, 1, 100));
  });
});
