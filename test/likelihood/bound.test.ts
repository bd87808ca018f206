import { describe, expect, it } from "vitest";
import { variationalBound, type BoundOptions } from "../../src/likelihood/bound.ts";
import { expectedPriorTerm, priorTerm } from "../../src/likelihood/bound-terms.ts";
import { gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import type { ScoreFunction } from "../../src/sde/score-function.ts";
import { fillRademacher, fillUniform, randomKey } from "../../src/base/random.ts";
import type { SDE } from "../../src/sde/sde.ts";
import "../golden/allclose.ts";
import { timeOf } from "../golden/times.ts";
import { DIMS, draws, gaussian, meanAndError, normal, SDES } from "./gaussian.ts";

const B = 128;

function options(sde: SDE, eps: number, importance: boolean, times: number, seed: number): BoundOptions {
  const time = timeOf(sde, eps, importance);
  return {
    eps,
    times,
    importance,
    draw(i) {
      const u = new Float64Array(B);
      const probe = new Float32Array(B * DIMS);
      fillUniform(randomKey(seed, "u", i), u);
      fillRademacher(randomKey(seed, "probe", i), probe);
      return { t: u.map((u) => time((i + u) / times)), noise: normal(B * DIMS, seed + 1000 + i), probe };
    },
    offsetNoise: normal(B * DIMS, seed + 1),
  };
}

/** The score times a factor: wrong unless that is 1. */
const scaled = (score: ScoreFunction, factor: number): ScoreFunction => ({
  ...score,
  score: async (x, t) => (await score.score(x, t)).map((s) => factor * s),
});

const data = draws(B, 11);
const nll = gaussianLogDensity(data, gaussian.mean, gaussian.std).map((logp) => -logp);
/** Bound minus negative log-likelihood, for each example. */
const gaps = (bound: Float64Array) => meanAndError(bound.map((nats, b) => nats - nll[b]!));

const forms = SDES.flatMap(([name, sde, eps]) =>
  (sde.importance ? [true, false] : [false]).map((importance) => [name, importance, sde, eps] as const),
);

describe.each(forms)("variationalBound under %s, importance weighting %s", (_, importance, sde, eps) => {
  const score = gaussianScore(gaussian, sde);
  // Without importance weights the integrand grows as 1 / t towards eps, and VP starts at 1e-5.
  const times = importance ? 150 : 600;

  it("is tight on average with the exact score, and never below the negative log-likelihood", async () => {
    const { mean, error } = gaps(await variationalBound(score, sde, data, options(sde, eps, importance, times, 1)));
    expect(mean).toBeGreaterThan(-4 * error - 0.02);
    expect(mean).toBeLessThan(4 * error + 0.1);
  });

  it("is above it with a wrong score", async () => {
    const settings = options(sde, eps, importance, times, 2);
    const right = gaps(await variationalBound(score, sde, data, settings));
    const wrong = gaps(await variationalBound(scaled(score, 0.5), sde, data, settings));
    expect(wrong.mean - right.mean).toBeGreaterThan(0.1);
    expect(wrong.mean).toBeGreaterThan(0);
  });
});

describe("variationalBound", () => {
  const [, sde, eps] = SDES[0]!;
  const score = gaussianScore(gaussian, sde);
  const settings = options(sde, eps, true, 100, 3);

  it("has the same mean in the sliced form", async () => {
    const denoising = await variationalBound(score, sde, data, settings);
    const sliced = await variationalBound(score, sde, data, { ...settings, form: "ssm" });
    const { mean, error } = meanAndError(denoising.map((nats, b) => nats - sliced[b]!));
    expect(Math.abs(mean)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(1);
  });

  it("has a prior term whose closed form is its mean", () => {
    const copies = 4000;
    const one = data.subarray(0, DIMS);
    const noise = normal(copies * DIMS, 4);
    for (const [, sde] of SDES) {
      const terms = Array.from({ length: copies }, (_, i) => priorTerm(sde, one, noise.subarray(i * DIMS), DIMS, 0));
      const { mean, error } = meanAndError(terms);
      expect(Math.abs(mean - expectedPriorTerm(sde, one, DIMS, 0))).toBeLessThan(4 * error);
    }
  });

  it("multiplies uniform times by the length of the interval, unless as the reference", async () => {
    const late = 0.25;
    const uniform = { ...options(sde, late, false, 20, 5), offsetNoise: undefined, priorNoise: normal(B * DIMS, 6) };
    const ours = await variationalBound(score, sde, data, uniform);
    const theirs = await variationalBound(score, sde, data, { ...uniform, reference: true });
    const prior = ours.map((_, b) => priorTerm(sde, data, uniform.priorNoise, DIMS, b));
    const integral = (nats: Float64Array) => nats.map((value, b) => value - prior[b]!);
    expect(integral(ours)).toBeAllclose(
      integral(theirs).map((value) => value * (1 - late)),
      { rtol: 1e-9, atol: 1e-12 },
    );
  });

  it("counts its network calls and stops when it is aborted", async () => {
    const seen: number[] = [];
    await variationalBound(score, sde, data, { ...settings, onEvaluation: (n) => void seen.push(n) });
    expect(seen).toEqual(Array.from({ length: settings.times + 1 }, (_, i) => i + 1));
    const controller = new AbortController();
    const promise = variationalBound(score, sde, data, {
      ...settings,
      onEvaluation: (n) => (n === 3 ? controller.abort(new Error("stop")) : undefined),
      signal: controller.signal,
    });
    await expect(promise).rejects.toThrow("stop");
  });

  it("refuses what does not fit", async () => {
    const bound = (changed: Partial<BoundOptions>, of = sde) =>
      variationalBound(score, of, data, { ...settings, ...changed });
    await expect(bound({ times: 0 })).rejects.toThrow(/times/);
    await expect(bound({ offsetNoise: new Float32Array(3) })).rejects.toThrow(/offsetNoise/);
    await expect(bound({ draw: (i) => ({ ...settings.draw(i), t: new Float64Array(3) }) })).rejects.toThrow(/3 times/);
    const withoutProbe = { form: "ssm", draw: (i: number) => ({ ...settings.draw(i), probe: undefined }) } as never;
    await expect(bound(withoutProbe)).rejects.toThrow(/probe/);
    await expect(bound({}, SDES[2]![1])).rejects.toThrow(/ve SDE has no importance weight/);
  });
});
