import { describe, expect, it } from "vitest";
import { variationalBound } from "../../src/likelihood/bound.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { drawTime } from "../../src/sde/draw-time.ts";
import { SDES } from "./gaussian.ts";
import { mixtureLogDensity, mixtureScore } from "./mixture.ts";

const POINT = [0.2, 0.3] as const;
// The mean over both probes is the trace itself.
const PROBES = [1, 1, 1, -1];

// Gauss-Laguerre nodes of |z|^2 / 2 and their weights, times equally spaced angles: quadrature over the noise.
const NODES = [0.322547689619392, 1.745761101158347, 4.536620296921128, 9.395070912301133];
const WEIGHTS = [0.603154104341634, 0.3574186924378, 0.038887908515005, 0.000539294705561];
const ANGLES = 16;
const grid = NODES.flatMap((node, k) =>
  Array.from({ length: 2 * ANGLES }, (_, j) => ({
    weight: WEIGHTS[k]! / (2 * ANGLES),
    z: [Math.cos, Math.sin].map((f) => Math.sqrt(2 * node) * f((2 * Math.PI * (j >> 1)) / ANGLES)),
  })),
);
const B = grid.length;
const noise = Float32Array.from(grid.flatMap(({ z }) => z));
const probe = Float32Array.from({ length: 2 * B }, (_, i) => PROBES[i % 4]!);

describe.each(SDES.slice(0, 3))("a mixture of Gaussians under %s", (_, sde, eps) => {
  it("has its exact density by the ODE", async () => {
    const data = new Float32Array([...POINT, ...POINT]);
    const options = { eps, rtol: 1e-6, atol: 1e-6, probe: new Float32Array(PROBES) };
    const { logp } = await odeLikelihood(mixtureScore(sde), sde, data, options);
    const exact = mixtureLogDensity(...POINT, sde.meanCoeff(eps), sde.std(eps));
    // What is left is the mean of the data in the prior: about 0.1 / 50 under VE, 0.1 exp(-5) under the others.
    expect(Math.abs((logp[0]! + logp[1]!) / 2 - exact)).toBeLessThan(3e-3);
  });

  const importances = sde.importance ? [true, false] : [false];
  const cases = importances.flatMap((importance) => (["dsm", "ssm"] as const).map((form) => ({ importance, form })));
  it.each(cases)("has a tight bound by $form, importance $importance", async ({ importance, form }) => {
    const times = 200;
    const time = drawTime("test", sde, { eps, density: importance ? "likelihood" : "uniform" });
    const draw = (i: number) => ({ t: new Float64Array(B).fill(time((i + 0.5) / times)), noise, probe });
    const data = Float32Array.from({ length: 2 * B }, (_, i) => POINT[i % 2]!);
    const options = { eps, times, importance, draw, form, offsetNoise: noise };
    const nats = await variationalBound(mixtureScore(sde), sde, data, options);
    const mean = nats.reduce((sum, value, b) => sum + grid[b]!.weight * value, 0);
    // 1.4e-3 of the quadrature over the noise is left.
    expect(Math.abs(mean + mixtureLogDensity(...POINT))).toBeLessThan(3e-3);
  });
});
