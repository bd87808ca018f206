import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { discrete } from "../../src/sde/discrete.ts";
import { eulerMaruyama } from "../../src/sde/euler-maruyama.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

// B(t) = 2 t + t^2, so that B(1/2) = 5/4 and B(1) = 3.
const beta = { betaMin: 2, betaMax: 4, N: 5 };
// sigma(t) = 16^t / 4, so that sigma(1/2) = 1.
const sigma = { sigmaMin: 0.25, sigmaMax: 4, N: 5 };
const exact = { rtol: 1e-12 };

describe("the coefficients at t = 1/2", () => {
  it.each([
    ["vp", vpSDE(beta), -1.5, Math.sqrt(3), Math.exp(-0.625), Math.sqrt(1 - Math.exp(-1.25)), 1],
    ["subvp", subVpSDE(beta), -1.5, Math.sqrt(3 * (1 - Math.exp(-2.5))), Math.exp(-0.625), 1 - Math.exp(-1.25), 1],
    ["ve", veSDE(sigma), 0, Math.sqrt(2 * Math.log(16)), 1, 1, 4],
    ["linearve", linearVeSDE({ sigmaMax: 4, N: 5 }), 0, 4, 1, 2, 4],
  ] as const)("are the closed forms of %s", (_, sde, drift, diffusion, mean, std, prior) => {
    expect([sde.T, sde.N]).toEqual([1, 5]);
    const found = [sde.driftCoeff(0.5), sde.diffusion(0.5), sde.meanCoeff(0.5), sde.std(0.5), sde.priorStd];
    expect(found).toBeAllclose([drift, diffusion, mean, std, prior], exact);
  });
});

describe("discretized steps", () => {
  it("of vp are DDPM's: beta_i / N at i = (N - 1) t rounded down", () => {
    const { discretize } = vpSDE(beta);
    for (const [t, b] of [
      [0, 2],
      [0.24, 2],
      [0.25, 2.5],
      [0.74, 3],
      [1, 4],
    ] as const) {
      const { f, G } = discretize(t);
      expect([f, G]).toBeAllclose([Math.sqrt(1 - b / 5) - 1, Math.sqrt(b / 5)], exact);
    }
  });

  it("of ve are SMLD's: the variance from one level to the next, the first from 0", () => {
    const { discretize } = veSDE(sigma);
    // Levels 1/4, 1/2, 1, 2, 4.
    for (const [t, variance] of [
      [0, 0.0625],
      [0.24, 0.0625],
      [0.25, 0.25 - 0.0625],
      [0.74, 0.75],
      [1, 12],
    ] as const) {
      const { f, G } = discretize(t);
      expect(f).toBe(0);
      expect(G).toBeAllclose(Math.sqrt(variance), exact);
    }
  });

  it("find the step in float32, as the reference does", () => {
    // 0.29 * 100 is 28.999999999999996 in float64 and 29 in float32.
    expect(vpSDE({ ...beta, N: 101 }).discretize(0.29).G).toBeAllclose(Math.sqrt(2.58 / 101), exact);
    const level = (i: number) => 0.25 * 16 ** (i / 100);
    const G = Math.sqrt(level(29) ** 2 - level(28) ** 2);
    expect(veSDE({ ...sigma, N: 101 }).discretize(0.29).G).toBeAllclose(G, { rtol: 1e-10 });
  });

  it("exist where N is 1", () => {
    expect(vpSDE({ betaMin: 0.5, betaMax: 4, N: 1 }).discretize(1)).toEqual({
      f: Math.sqrt(0.5) - 1,
      G: Math.sqrt(0.5),
    });
    expect(veSDE({ ...sigma, N: 1 }).discretize(1)).toEqual({ f: 0, G: 0.25 });
    const one = discrete(vpSDE({ betaMin: 0.5, betaMax: 4, N: 1 }));
    expect(one.scoreScale(1)).toBeAllclose(-Math.SQRT2, exact);
  });

  it("of Euler and Maruyama have length 1 / N", () => {
    const { f, G } = eulerMaruyama(
      (t) => 3 * t,
      (t) => 5 * t,
      4,
    )(2);
    expect([f, G]).toEqual([1.5, 5]);
  });
});

describe("deviations of the steps of DDPM", () => {
  it("follow the product of 1 - beta_i, at every step", () => {
    const sde = discrete(vpSDE(beta));
    let kept = 1;
    [2, 2.5, 3, 3.5, 4].forEach((b, i) => {
      kept *= 1 - b / 5;
      expect(sde.scoreScale(i / 4)).toBeAllclose(-1 / Math.sqrt(1 - kept), exact);
    });
    expect(discrete(vpSDE({ ...beta, N: 101 })).scoreScale(0.29)).toBe(
      discrete(vpSDE({ ...beta, N: 101 })).scoreScale(0.2951),
    );
  });

  it("do not exist for linear ve, which names the remedy", () => {
    const refused = () => discrete(linearVeSDE({ sigmaMax: 4, N: 5 }));
    expect(refused).toThrow(
      new UsageError("the linearve SDE supports only continuous times", "--set training.continuous=true"),
    );
  });
});
