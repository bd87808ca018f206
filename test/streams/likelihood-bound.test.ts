import { lastValueFrom, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { likelihoodBound } from "../../src/streams/likelihood-bound.ts";
import { moments } from "../support/numbers.ts";
import { atThirdEvaluation, exactLogp, exactScore, gaussianBatch } from "./evaluation-fixture.ts";
import { sde } from "./fixture.ts";

const options = { eps: 1e-5, times: 50, offset: true, seed: 1 };

describe("likelihoodBound", () => {
  it.each([true, false])("is the likelihood where the score is exact (importance %s)", async (importance) => {
    const batch = gaussianBatch(400);
    const times = importance ? 200 : 2000;
    const result = await lastValueFrom(
      of(batch).pipe(likelihoodBound(exactScore, sde, { ...options, times, importance })),
    );
    const logp = floats(result, "logp").data;
    const gap = logp.map((value, i) => value - exactLogp(floats(batch, "data").data)[i]!);
    const { mean, variance } = moments(gap);
    // The bound is tight for the true score; what is left is the noise of the times and of z.
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / 400));
    expect(Math.sqrt(variance / 400)).toBeLessThan(importance ? 0.1 : 0.6);
  });

  it("is the likelihood in the sliced form too", async () => {
    const batch = gaussianBatch(400);
    const sliced = { ...options, times: 200, form: "ssm" } as const;
    const result = await lastValueFrom(of(batch).pipe(likelihoodBound(exactScore, sde, sliced)));
    const exact = exactLogp(floats(batch, "data").data);
    const { mean, variance } = moments(floats(result, "logp").data.map((value, i) => value - exact[i]!));
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / 400));
    expect(Math.sqrt(variance / 400)).toBeLessThan(0.2);
    const denoising = await lastValueFrom(of(batch).pipe(likelihoodBound(exactScore, sde, { ...sliced, form: "dsm" })));
    expect(floats(denoising, "logp").data).not.toEqual(floats(result, "logp").data);
  });

  it("is lower where the score is wrong", async () => {
    const batch = gaussianBatch(400);
    const wrong = {
      ...exactScore,
      score: (x: Float32Array, t: Float64Array) => exactScore.score(x, t).map((s) => 0.8 * s),
    };
    const mean = async (score: typeof exactScore) =>
      moments(floats(await lastValueFrom(of(batch).pipe(likelihoodBound(score, sde, options))), "logp").data).mean;
    expect(await mean(wrong)).toBeLessThan((await mean(exactScore)) - 0.1);
  });

  it("gives the same numbers twice, others for another seed", async () => {
    const logp = async (seed: number) => {
      const result = await lastValueFrom(
        of(gaussianBatch(4)).pipe(likelihoodBound(exactScore, sde, { ...options, seed })),
      );
      return [...floats(result, "logp").data];
    };
    const first = await logp(1);
    expect(await logp(1)).toEqual(first);
    expect(await logp(2)).not.toEqual(first);
  });

  it("draws by importance where the SDE can, and uniformly where it cannot, unless told", async () => {
    const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
    const logp = async (process: typeof sde, over: { importance?: boolean } = {}) => {
      const bound = likelihoodBound<"data">(exactScore, process, { ...options, times: 3, ...over });
      return [...floats(await lastValueFrom(of(gaussianBatch(2)).pipe(bound)), "logp").data];
    };
    expect(await logp(sde)).toEqual(await logp(sde, { importance: true }));
    expect(await logp(sde, { importance: false })).not.toEqual(await logp(sde));
    expect(await logp(ve)).toEqual(await logp(ve, { importance: false }));
  });

  it("refuses importance sampling for an SDE that has none", () => {
    const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
    expect(() => likelihoodBound(exactScore, ve, { ...options, importance: true })).toThrow(
      /ve SDE has no importance weight/,
    );
  });

  it("ends when it is told to stop", async () => {
    const stop = new AbortController();
    const score = atThirdEvaluation(() => stop.abort(new Error("enough")));
    const long = { ...options, times: 1_000, signal: stop.signal };
    await expect(lastValueFrom(of(gaussianBatch(2)).pipe(likelihoodBound(score, sde, long)))).rejects.toThrow("enough");
  });
});
