import { expect, it } from "vitest";
import { perturbExamples } from "../../src/sde/perturb.ts";
import { vpSDE } from "../../src/sde/vp.ts";

it("gives each example its own time, alpha_t x(0) + sigma_t z", () => {
  const sde = {
    ...vpSDE({ betaMin: 0.1, betaMax: 20, N: 10 }),
    meanCoeff: (t: number) => 2 * t,
    std: (t: number) => t + 1,
  };
  const out = perturbExamples(
    sde,
    new Float32Array([1, 2, 3, 4, 5, 6]),
    new Float32Array([1, -1, 2, 0, 1, -2]),
    [1, 2],
  );
  expect([...out]).toEqual([4, 2, 10, 16, 23, 18]);
});
