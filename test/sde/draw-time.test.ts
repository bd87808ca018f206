import { describe, expect, it } from "vitest";
import { drawTime } from "../../src/sde/draw-time.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { vpSDE } from "../../src/sde/vp.ts";

const linear = { betaMin: 0.1, betaMax: 20, N: 1000 };
const eps = 1e-2;

describe("drawTime", () => {
  it("maps u linearly onto [eps, T] without importance", () => {
    const draw = drawTime("test", { ...vpSDE(linear), T: 3 }, { eps: 1, density: "uniform" });
    expect([0, 0.25, 0.5, 1].map(draw)).toEqual([1, 1.5, 2, 3]);
  });

  it.each([vpSDE(linear), subVpSDE(linear)])("gives the time up to which a share u of g^2 / sigma^2 lies", (sde) => {
    const draw = drawTime("test", sde, { eps, density: "likelihood" });
    const integral = (end: number) => {
      const n = 20_000;
      const h = (end - eps) / n;
      const rate = (i: number) => (sde.diffusion(eps + (i + 0.5) * h) / sde.std(eps + (i + 0.5) * h)) ** 2;
      return Array.from({ length: n }, (_, i) => rate(i) * h).reduce((a, b) => a + b, 0);
    };
    const total = integral(sde.T);
    for (const u of [0.1, 0.5, 0.9]) expect(integral(draw(u)) / total).toBeCloseTo(u, 5);
    expect(draw(0)).toBeCloseTo(eps, 10);
    expect(draw(1)).toBeCloseTo(1, 10);
  });

  it("names the operator and the SDE when there is no importance weight", () => {
    const sde = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
    expect(() => drawTime("bound", sde, { eps, density: "likelihood" })).toThrow(
      new RangeError("bound: the ve SDE has no importance weight"),
    );
    expect(drawTime("bound", sde, { eps: 0.5, density: "uniform" })(0.5)).toBe(0.75);
  });
});
