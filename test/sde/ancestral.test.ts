import { describe, expect, it } from "vitest";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { SMALLEST_TIMES } from "../../src/sde/sde.ts";
import { smldStep } from "../../src/sde/smld-step.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const exact = { rtol: 1e-12 };

describe("the ancestral step", () => {
  it("of VP is DDPM's: x / sqrt(1 - beta_i) + beta_i score / sqrt(1 - beta_i) + sqrt(beta_i) z", () => {
    // beta_i = (2 + i / 2) / 5 at i = 4 t.
    const sde = vpSDE({ betaMin: 2, betaMax: 4, N: 5 });
    const { x, score, noise } = sde.ancestral!(0.5, 0.25);
    expect([x, score, noise]).toBeAllclose([1 / Math.sqrt(0.4), 0.6 / Math.sqrt(0.4), Math.sqrt(0.6)], exact);
  });

  it("of SMLD takes the variance between two levels away, and puts in noise of the posterior's", () => {
    // From 4 to 3: 16 - 9 = 7, and 3 sqrt(7) / 4.
    const { x, score, noise } = smldStep(4, 3);
    expect([x, score, noise]).toBeAllclose([1, 7, (3 * Math.sqrt(7)) / 4], exact);
    expect(smldStep(2, 0)).toEqual({ x: 1, score: 4, noise: 0 });
  });

  it("of VE goes down its ladder, from the lowest level to 0", () => {
    // Levels 1/4, 1/2, 1, 2, 4.
    const sde = veSDE({ sigmaMin: 0.25, sigmaMax: 4, N: 5 });
    for (const [t, from, to] of [
      [1, 4, 2],
      [0.5, 1, 0.5],
      [0.25, 0.5, 0.25],
      [0.2, 0.25, 0],
    ] as const) {
      const [found, expected] = [sde.ancestral!(t, 0.1), smldStep(from, to)];
      expect(Object.values(found), `t = ${t}`).toBeAllclose(Object.values(expected), { rtol: 1e-12, atol: 1e-12 });
    }
  });

  it("of linear VE goes from the noise of a time to that of the next, and to none after the last", () => {
    const sde = linearVeSDE({ sigmaMax: 8, N: 5 });
    expect(sde.ancestral!(0.5, 0.25)).toEqual(smldStep(4, 2));
    expect(sde.ancestral!(0.25, 0)).toEqual(smldStep(2, 0));
  });

  it("is not there for subVP", () => {
    expect(subVpSDE({ betaMin: 2, betaMax: 4, N: 5 }).ancestral).toBeUndefined();
  });
});

it("the smallest times are the reference's", () => {
  expect(SMALLEST_TIMES).toEqual({ training: 1e-5, sampling: 1e-3 });
  const beta = { betaMin: 0.1, betaMax: 20, N: 1000 };
  expect(subVpSDE(beta).smallestTimes).toEqual({ training: 1e-2, sampling: 1e-2 });
  const others = [
    vpSDE(beta),
    veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 }),
    linearVeSDE({ sigmaMax: 50, N: 1000 }),
  ];
  expect(others.map(({ smallestTimes }) => smallestTimes)).toEqual([undefined, undefined, undefined]);
});
