import { from, lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { largestError } from "../support/numbers.ts";
import { atThirdEvaluation, exactLogp, exactScore, gaussianBatch } from "./evaluation-fixture.ts";
import { sde } from "./fixture.ts";

const options = { eps: 1e-5, rtol: 1e-5, atol: 1e-5, hutchinson: "rademacher", seed: 1 } as const;

describe("logLikelihood", () => {
  it("is exact for a Gaussian, but for the prior standing for p(x(T))", async () => {
    const batch = gaussianBatch(5);
    const result = await lastValueFrom(of(batch).pipe(logLikelihood(exactScore, sde, options)));
    // x(1) keeps 0.7% of the data; the solver's own error is 1e-4.
    expect(largestError(floats(result, "logp").data, exactLogp(floats(batch, "data").data))).toBeLessThan(5e-3);
    expect(floats(result, "evaluations").data[0]).toBeGreaterThan(10);
  });

  it("keeps the order, however long a batch takes", async () => {
    const batches = [gaussianBatch(40, 0), gaussianBatch(1, 1), gaussianBatch(3, 2)];
    const results = await lastValueFrom(from(batches).pipe(logLikelihood(exactScore, sde, options), toArray()));
    expect(results.map(({ info, size }) => [info.step, size])).toEqual([
      [0, 40],
      [1, 1],
      [2, 3],
    ]);
  });

  it("draws the probe by seed and step: the same twice, others for others", async () => {
    const logp = async (seed: number, step: number) => {
      const { record, columns } = gaussianBatch(4);
      const batch = { record, columns, size: 4, info: { ...gaussianBatch(4).info, step } };
      const gaussian = { ...options, hutchinson: "gaussian", seed } as const;
      const result = await lastValueFrom(of(batch).pipe(logLikelihood(exactScore, sde, gaussian)));
      return [...floats(result, "logp").data];
    };
    const first = await logp(1, 0);
    expect(await logp(1, 0)).toEqual(first);
    expect(await logp(2, 0)).not.toEqual(first);
    expect(await logp(1, 1)).not.toEqual(first);
  });

  it("ends with the signal's reason when it is aborted, between two evaluations", async () => {
    const stop = new AbortController();
    const score = atThirdEvaluation(() => stop.abort(new Error("enough")));
    const stoppable = { ...options, signal: stop.signal };
    await expect(lastValueFrom(of(gaussianBatch(2)).pipe(logLikelihood(score, sde, stoppable)))).rejects.toThrow(
      "enough",
    );
  });

  it("passes a failing network on as a notification", async () => {
    const broken = { ...exactScore, scoreAndDivergence: () => { throw new Error("broken"); } }; // prettier-ignore
    await expect(lastValueFrom(of(gaussianBatch(2)).pipe(logLikelihood(broken, sde, options)))).rejects.toThrow(
      "broken",
    );
  });
});
