import { describe, expect, it } from "vitest";
import { linearVeSDE } from "../../src/sde/linear-ve.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";

// Constant beta = 2: B(t) = 2 t.
const linear = { betaMin: 2, betaMax: 2, N: 1000 };

describe("what the network is told, and what its output is multiplied by", () => {
  it.each([
    ["vp", vpSDE(linear), 499.5, -1 / Math.sqrt(1 - Math.exp(-1))],
    ["subvp", subVpSDE(linear), 499.5, -1 / (1 - Math.exp(-1))],
    ["ve", veSDE({ sigmaMin: 0.25, sigmaMax: 4, N: 1000 }), 1, 1],
    ["linearve", linearVeSDE({ sigmaMax: 8, N: 1000 }), 499.5, -0.25],
  ] as const)("is exact for %s at t = 1/2", (name, sde, label, scale) => {
    expect(sde.name).toBe(name);
    expect(sde.timeCondition(0.5)).toBeCloseTo(label, 10);
    expect(sde.scoreScale(0.5)).toBeCloseTo(scale, 10);
  });
});
