import { describe, expect, it } from "vitest";
import { variationalBound, type BoundOptions } from "../../src/likelihood/bound.ts";
import {
  dsmIntegrand,
  expectedPriorTerm,
  offsetTerm,
  priorTerm,
  scoreSums,
  ssmIntegrand,
} from "../../src/likelihood/bound-terms.ts";
import type { ScoreFunction } from "../../src/sde/score-function.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import "../golden/allclose.ts";

const exact = { rtol: 1e-12 };
/** a = -3 t, g = 2 t, alpha = 1 - t / 2, sigma = t, N(0, 4) as the prior; its importance weight is far from the true one. */
const sde = {
  ...vpSDE({ betaMin: 2, betaMax: 4, N: 5 }),
  driftCoeff: (t: number) => -3 * t,
  diffusion: (t: number) => 2 * t,
  meanCoeff: (t: number) => 1 - t / 2,
  std: (t: number) => t,
  priorStd: 2,
  importance: { cumulative: (t: number, eps: number) => 10 * (t - eps), inverse: (u: number) => u },
};
const data = new Float32Array([1, 2, 4, -2]);
const noise = new Float32Array([1, -1, 2, 3]);
const halfLog = 0.5 * Math.log(2 * Math.PI * 4);

describe("terms of the bound", () => {
  it("sum the score's squares and its product with the noise over one example", () => {
    expect(scoreSums(data, noise, 2, 0)).toEqual({ squared: 5, dotNoise: -1 });
    expect(scoreSums(data, noise, 2, 1)).toEqual({ squared: 20, dotNoise: 2 });
  });

  it("are g^2 (|s|^2 + 2 s z / sigma) - 2 D a, and g^2 (|s|^2 + 2 div s) - 2 D a", () => {
    expect(dsmIntegrand(sde, 0.5, { squared: 5, dotNoise: -1 }, 2)).toBe(5 - 4 + 6);
    expect(ssmIntegrand(sde, 0.5, 5, -7, 2)).toBe(5 - 14 + 6);
  });

  it("have -log N(alpha_T x + sigma_T z; 0, 4) as the prior's, and its mean over z", () => {
    expect(priorTerm(sde, data, noise, 2, 0)).toBeAllclose(2 * halfLog + (1.5 ** 2 + 0) / 8, exact);
    expect(priorTerm(sde, data, noise, 2, 1)).toBeAllclose(2 * halfLog + (4 ** 2 + 2 ** 2) / 8, exact);
    expect(expectedPriorTerm(sde, data, 2, 0)).toBeAllclose(2 * halfLog + (0.25 + 1 + 2) / 8, exact);
    expect(expectedPriorTerm(sde, data, 2, 1)).toBeAllclose(2 * halfLog + (4 + 1 + 2) / 8, exact);
  });

  it("have |z + sigma s|^2 / 2 - D / 2 - D log alpha for the start at eps", () => {
    // z = (1, -1), s = (1, 2), sigma = 1/2: (3/2)^2 + 0.
    const term = offsetTerm(sde, 0.5, { squared: 5, dotNoise: -1 }, 2, 2);
    expect(term).toBeAllclose(2.25 / 2 - 1 - 2 * Math.log(0.75), exact);
  });
});

describe("the bound by hand", () => {
  /** Score t x, divergence 7 probe_0 - t. */
  const score: ScoreFunction = {
    shape: [2],
    score: (x, t) => x.map((v, i) => t[i >> 1]! * v),
    scoreAndDivergence: (x, t, probe) => ({
      score: x.map((v, i) => t[i >> 1]! * v),
      divergence: t.map((time, b) => 7 * probe[2 * b]! - time),
    }),
  };
  const times = [
    [0.5, 1],
    [0.75, 0.25],
  ] as const;
  const probe = new Float32Array([1, -1, -1, 1]);
  const other = new Float32Array([0.5, 1, -1, 2]);
  const draw = (i: number) => ({ t: Float64Array.from(times[i]!), noise: i ? other : noise, probe });

  /** The formula written out, with every number at its own time. */
  function expected(b: number, form: "dsm" | "ssm", factor: (t: number) => number, offset = false): number {
    let nats = 2 * halfLog + (0.25 * (data[2 * b]! ** 2 + data[2 * b + 1]! ** 2) + 2) / 8;
    [noise, other].forEach((z, i) => {
      const t = times[i]![b]!;
      let integrand = 2 * 2 * 3 * t;
      for (const k of [2 * b, 2 * b + 1]) {
        const s = t * ((1 - t / 2) * data[k]! + t * z[k]!);
        integrand += 4 * t ** 2 * (s ** 2 + (form === "dsm" ? (2 * s * z[k]!) / t : 0));
      }
      if (form === "ssm") integrand += 4 * t ** 2 * 2 * (7 * probe[2 * b]! - t);
      nats += 0.5 * factor(t) * integrand * 0.5;
    });
    if (!offset) return nats;
    for (const k of [2 * b, 2 * b + 1]) {
      const s = 0.25 * (0.875 * data[k]! + 0.25 * other[k]!);
      nats += 0.5 * ((other[k]! + 0.25 * s) ** 2 - 1) - Math.log(0.875);
    }
    return nats;
  }

  // The interval is 3/4 long; the weight is Z sigma^2 / g^2 = 7.5 / 4.
  it.each([
    ["uniform times", { importance: false }, 0.75],
    ["uniform times as the reference", { importance: false, reference: true }, 1],
    ["importance weights", { importance: true }, 1.875],
    ["importance weights as the reference", { importance: true, reference: true }, 1.875],
  ] as const)("is the sum of its terms with %s, in both forms, with and without the offset", async (_, how, factor) => {
    for (const form of ["dsm", "ssm"] as const) {
      for (const offsetNoise of [undefined, other]) {
        const options: BoundOptions = { eps: 0.25, times: 2, draw, form, offsetNoise, ...how };
        const values = [0, 1].map((b) => expected(b, form, () => factor, offsetNoise !== undefined));
        expect(await variationalBound(score, sde, data, options)).toBeAllclose(values, { rtol: 1e-6 });
      }
    }
  });

  it("weighs every time with its own sigma^2 / g^2", async () => {
    const own = { ...sde, diffusion: (t: number) => 2 * t ** 2 };
    const flat = { ...score, score: (x: Float32Array) => new Float32Array(x.length) };
    const options = { eps: 0.25, times: 1, importance: true, draw, offsetNoise: undefined };
    const nats = await variationalBound(flat, own, data, options);
    const prior = [0, 1].map((b) => expectedPriorTerm(own, data, 2, b));
    // -2 D a = 12 t, times 7.5 / (4 t^2), halved.
    expect(nats).toBeAllclose(
      [0.5, 1].map((t, b) => prior[b]! + (0.5 * 7.5 * 12 * t) / (4 * t ** 2)),
      exact,
    );
  });

  it("takes the denoising form by default, and the prior's noise where that is given", async () => {
    const options = { eps: 0.25, times: 2, importance: false, draw, offsetNoise: undefined };
    const plain = await variationalBound(score, sde, data, options);
    expect(plain).toEqual(await variationalBound(score, sde, data, { ...options, form: "dsm" }));
    const drawn = await variationalBound(score, sde, data, { ...options, priorNoise: other });
    const change = [0, 1].map((b) => priorTerm(sde, data, other, 2, b) - expectedPriorTerm(sde, data, 2, b));
    expect(drawn).toBeAllclose(
      plain.map((nats, b) => nats + change[b]!),
      exact,
    );
    const short = variationalBound(score, sde, data, { ...options, priorNoise: new Float32Array(3) });
    await expect(short).rejects.toThrow("variationalBound: priorNoise has 3 values, the data 4");
  });
});
