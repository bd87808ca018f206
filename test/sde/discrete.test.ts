import { describe, expect, it } from "vitest";
import { discrete } from "../../src/sde/discrete.ts";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";

const beta = { betaMin: 0.1, betaMax: 20, N: 1000 };

describe("discrete", () => {
  it("vp: labels (N - 1) t, and the deviation of the DDPM step", () => {
    const sde = discrete(vpSDE(beta));
    expect(sde.timeCondition(0.5)).toBe(499.5);
    // The first step has beta = 0.1 / 1000; after all of them nothing is left of the data.
    expect(sde.scoreScale(0)).toBeCloseTo(-1 / Math.sqrt(0.1 / 1000), 8);
    expect(sde.scoreScale(1)).toBeCloseTo(-1, 4);
    // DDPM's steps approach the continuous deviation.
    for (const t of [0.05, 0.3, 0.7]) expect(sde.scoreScale(t) * vpSDE(beta).std(t)).toBeCloseTo(-1, 1);
    const direct = Array.from({ length: 301 }, (_, i) => 1 - (0.1 + (i / 999) * 19.9) / 1000).reduce(
      (a, b) => a * b,
      1,
    );
    expect(sde.scoreScale(300.5 / 999)).toBeCloseTo(-1 / Math.sqrt(1 - direct), 10);
  });

  it("ve: the step counted from the largest noise, and the network's output as the score", () => {
    const sde = discrete(veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 }));
    expect([1, 0.5, 0].map(sde.timeCondition)).toEqual([0, 500, 999]);
    expect(sde.scoreScale(0.5)).toBe(1);
  });

  it("subvp: as it is; linear ve: refused", () => {
    const sde = subVpSDE(beta);
    expect(discrete(sde)).toEqual(sde);
    expect(() => discrete(linearVeSDE({ sigmaMax: 50, N: 1000 }))).toThrow(/only continuous times/);
  });
});
