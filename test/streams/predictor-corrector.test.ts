import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { vpSDE } from "../../src/sde/vp.ts";
import { predictorCorrector, type PredictorCorrectorOptions } from "../../src/streams/predictor-corrector.ts";
import { priorBatches } from "../../src/streams/sample.ts";
import { moments } from "../support/numbers.ts";
import { exactScore, shape } from "./evaluation-fixture.ts";

const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 200 });
const options: PredictorCorrectorOptions = {
  ...{ eps: 1e-3, snr: 0.16, nSteps: 1, probabilityFlow: false, denoise: true, seed: 3 },
  predictor: "reverse_diffusion",
  corrector: "none",
};
const draws = (total: number, batchSize: number) =>
  priorBatches(sde, shape, { total, batchSize, seed: 1 }).pipe(predictorCorrector(exactScore, sde, options), toArray());

describe("predictorCorrector", () => {
  it("has the moments of the data where the score is exact", async () => {
    const batches = await lastValueFrom(draws(4000, 2000));
    const all = batches.flatMap((batch) => [...floats(batch, "data").data]);
    for (const [d, mean, std] of [
      [0, 0.3, 0.5],
      [1, -0.2, 0.8],
    ] as const) {
      // prettier-ignore
      const found = moments(all.filter((_, i) => i % 2 === d));
      // Four standard errors of 4000 draws, and 1% for the 200 steps.
      expect(Math.abs(found.mean - mean)).toBeLessThan((4 * std) / Math.sqrt(4000) + 0.01);
      expect(Math.abs(Math.sqrt(found.variance) - std)).toBeLessThan((4 * std) / Math.sqrt(8000) + 0.01);
    }
  });

  it("draws other noise for every batch, the same in every subscription", async () => {
    const values = async () => (await lastValueFrom(draws(4, 2))).map((batch) => [...floats(batch, "data").data]);
    const [first, second] = await values();
    expect(first).not.toEqual(second);
    expect(await values()).toEqual([first, second]);
  });
});
