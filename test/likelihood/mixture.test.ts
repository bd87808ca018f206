import { describe, expect, it } from "vitest";
import { variationalBound } from "../../src/likelihood/bound.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { drawTime } from "../../src/sde/draw-time.ts";
import { SDES } from "./gaussian.ts";
import { mixtureLogDensity, mixturePoints, mixtureScore } from "./mixture.ts";

const POINTS = 600;
const points = mixturePoints(POINTS, 7);
const at = (i: number) => [points[2 * i]!, points[2 * i + 1]!] as const;

/** Each row of [N, 2] `times` times, one behind the other. */
function repeated(rows: Float32Array, times: number): Float32Array {
  const out = new Float32Array(rows.length * times);
  for (let i = 0; i < out.length; i++) out[i] = rows[2 * Math.floor(i / (2 * times)) + (i % 2)]!;
  return out;
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

// The mean over both probes is the trace itself.
const PROBES = [1, 1, 1, -1];
const GOLDEN = (Math.sqrt(5) - 1) / 2;

// Gauss-Laguerre nodes of |z|^2 / 2 and their weights: quadrature over the length of the noise of each point.
const NODES = [0.4157745567834791, 2.294280360279042, 6.289945082937479];
const WEIGHTS = [0.711093009929173, 0.2785177335692408, 0.0103892565015861];
/** Angles a quarter apart; where they begin is spread evenly over points and times. Each has both probes. */
const [TURNS, PAIR] = [4, 2];
const EACH = NODES.length * TURNS * PAIR;
const B = POINTS * EACH;
const nodeOf = (b: number) => Math.floor(b / (TURNS * PAIR)) % NODES.length;
const weightOf = (b: number) => WEIGHTS[nodeOf(b)]! / (TURNS * PAIR * POINTS);
const probe = Float32Array.from({ length: 2 * B }, (_, i) => PROBES[i % 4]!);

/** Noise for the time `i`, [B, 2]. */
function noiseOf(i: number): Float32Array {
  const noise = new Float32Array(2 * B);
  for (let b = 0; b < B; b++) {
    const begin = ((Math.floor(b / EACH) + POINTS * i) * GOLDEN) % 1;
    const angle = (Math.PI / 2) * (begin + (Math.floor(b / PAIR) % TURNS));
    const radius = Math.sqrt(2 * NODES[nodeOf(b)]!);
    [noise[2 * b], noise[2 * b + 1]] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  }
  return noise;
}

describe.each(SDES.slice(0, 3))("600 points of a mixture of Gaussians under %s", (_, sde, eps) => {
  it("have their exact densities by the ODE", async () => {
    const options = { eps, rtol: 1e-6, atol: 1e-6, probe: Float32Array.from({ length: 4 * POINTS }, (_, i) => PROBES[i % 4]!) }; // prettier-ignore
    const { logp } = await odeLikelihood(mixtureScore(sde), sde, repeated(points, 2), options);
    const [alpha, sigma] = [sde.meanCoeff(eps), sde.std(eps)];
    const errors = Array.from({ length: POINTS }, (_, i) => {
      return (logp[2 * i]! + logp[2 * i + 1]!) / 2 - mixtureLogDensity(...at(i), alpha, sigma);
    });
    // What is left of each is the mean of the data in the prior: about 0.1 / 50 under VE, 0.1 exp(-5) under the others.
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.03);
    expect(Math.abs(mean(errors))).toBeLessThan(1e-3);
  });

  const importances = sde.importance ? [true, false] : [false];
  const cases = importances.flatMap((importance) => (["dsm", "ssm"] as const).map((form) => ({ importance, form })));
  it.each(cases)("have a tight bound by $form, importance $importance", async ({ importance, form }) => {
    const times = importance ? 20 : 40;
    const time = drawTime("test", sde, { eps, density: importance ? "likelihood" : "uniform" });
    const draw = (i: number) => ({ t: new Float64Array(B).fill(time((i + 0.5) / times)), noise: noiseOf(i), probe });
    const options = { eps, times, importance, draw, form, offsetNoise: noiseOf(times) };
    const nats = await variationalBound(mixtureScore(sde), sde, repeated(points, EACH), options);
    const bound = nats.reduce((sum, value, b) => sum + weightOf(b) * value, 0);
    const exact = mean(Array.from({ length: POINTS }, (_, i) => -mixtureLogDensity(...at(i))));
    expect(Math.abs(bound - exact)).toBeLessThan(6e-3);
  });
});
