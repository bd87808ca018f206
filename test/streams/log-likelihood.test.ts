import { from, lastValueFrom, of, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { fillRademacher, randomKey } from "../../src/base/random.ts";
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

  it("gives each example with step control image the value and the evaluations that it has alone", async () => {
    const image = { ...options, rtol: 1e-7, atol: 1e-7, stepControl: "image" } as const;
    const batch = gaussianBatch(5);
    const { data } = floats(batch, "data");
    data.set([30, -20], 4);
    const result = await lastValueFrom(of(batch).pipe(logLikelihood(exactScore, sde, image)));
    const evaluations = [...floats(result, "evaluations").data];
    expect(new Set(evaluations).size).toBeGreaterThan(1);
    const probe = new Float32Array(data.length);
    fillRademacher(randomKey(1, "probe", 0, 0), probe);
    for (let b = 0; b < 5; b++) {
      const part = (values: Float32Array) => values.slice(2 * b, 2 * b + 2);
      const alone = await odeLikelihood(exactScore, sde, part(data), { ...image, probe: part(probe) });
      expect(floats(result, "logp").data[b]).toBe(Math.fround(alone.logp[0]!));
      expect(evaluations[b]).toBe(alone.evaluations);
    }
    const shared = await lastValueFrom(
      of(batch).pipe(logLikelihood(exactScore, sde, { ...image, stepControl: "batch" })),
    );
    expect(new Set(floats(shared, "evaluations").data).size).toBe(1);
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
