import { describe, expect, it } from "vitest";
import { chainBitsPerDim, chainEntropy, sampleChain, type GaussianChain } from "../../src/data/gaussian-chain.ts";
import { moments } from "../support/numbers.ts";

const chain: GaussianChain = { dims: 3, std: 0.5, rho: 0.8 };
const N = 50_000;

describe("the Gaussian chain", () => {
  it("draws numbers with the deviation and the correlations asked for", () => {
    const x = sampleChain(chain, N, 1);
    const column = (j: number) => Float64Array.from({ length: N }, (_, b) => x[3 * b + j]!);
    for (const j of [0, 1, 2]) {
      expect(Math.abs(moments(column(j)).mean)).toBeLessThan((4 * 0.5) / Math.sqrt(N));
      expect(Math.abs(moments(column(j)).variance / 0.25 - 1)).toBeLessThan(4 * Math.sqrt(2 / N));
    }
    for (const [i, j] of [
      [0, 1],
      [1, 2],
      [0, 2],
    ] as const) {
      const other = column(j);
      const products = column(i).map((v, b) => (v * other[b]!) / 0.25);
      const rho = 0.8 ** (j - i);
      expect(Math.abs(moments(products).mean - rho)).toBeLessThan(4 * Math.sqrt((1 + rho * rho) / N));
    }
  });

  it("is a function of the seed", () => {
    expect(sampleChain(chain, 10, 1)).toEqual(sampleChain(chain, 10, 1));
    expect(sampleChain(chain, 10, 2)).not.toEqual(sampleChain(chain, 10, 1));
  });

  it("has the density of its covariance matrix", () => {
    const x = Float32Array.of(0.3, -0.2, 0.4);
    // The inverse of std^2 rho^|i - j| is tridiagonal.
    const { rho, std } = chain;
    const scale = std ** 2 * (1 - rho ** 2);
    const quadratic =
      (x[0]! ** 2 + x[2]! ** 2 + (1 + rho ** 2) * x[1]! ** 2 - 2 * rho * x[1]! * (x[0]! + x[2]!)) / scale;
    const logDet = Math.log(std ** 6 * (1 - rho ** 2) ** 2);
    const nats = 0.5 * (quadratic + logDet + 3 * Math.log(2 * Math.PI));
    expect(chainBitsPerDim(chain, x)[0]).toBeCloseTo(nats / (3 * Math.LN2), 6);
  });

  it("has the entropy that its samples have on average", () => {
    const { mean, variance } = moments(chainBitsPerDim(chain, sampleChain(chain, N, 1)));
    expect(Math.abs(mean - chainEntropy(chain))).toBeLessThan(4 * Math.sqrt(variance / N));
  });
});
