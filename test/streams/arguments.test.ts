/** Arguments that would hang a stage, or give it wrong numbers without a word, are refused when it is made. */
import { describe, expect, it } from "vitest";
import { evalBatches } from "../../src/streams/batches.ts";
import { likelihoodBound } from "../../src/streams/likelihood-bound.ts";
import { logLikelihood } from "../../src/streams/log-likelihood.ts";
import { predictorCorrector } from "../../src/streams/predictor-corrector.ts";
import { priorBatches, sample } from "../../src/streams/sample.ts";
import { exactScore, shape } from "./evaluation-fixture.ts";
import { imageExamples, sde } from "./fixture.ts";

const tolerances = { rtol: 1e-3, atol: 1e-3 };
const chain = { predictor: "none", corrector: "none", snr: 0.1, nSteps: 1, probabilityFlow: false } as const;

describe.each([0, 1, -0.1, NaN])("eps = %s", (eps) => {
  it.each([
    ["logLikelihood", () => logLikelihood(exactScore, sde, { eps, ...tolerances, hutchinson: "rademacher", seed: 1 })],
    ["likelihoodBound", () => likelihoodBound(exactScore, sde, { eps, times: 2, offset: true, seed: 1 })],
    ["sample", () => sample(exactScore, sde, { eps, ...tolerances, denoise: true })],
    ["predictorCorrector", () => predictorCorrector(exactScore, sde, { eps, ...chain, denoise: true, seed: 1 })],
  ])("is refused by %s", (name, make) => {
    expect(make).toThrow(new RangeError(`${name}: eps must lie in (0, 1), got ${eps}`));
  });
});

it.each([0, 2.5, -1, NaN, Infinity])("%s is no number of examples in a batch, nor of times", (count) => {
  const wrong = (operator: string, name: string) =>
    new RangeError(`${operator}: ${name} must be a whole number from 1 on, got ${count}`);
  expect(() => priorBatches(sde, shape, { total: 4, batchSize: count, seed: 1 })).toThrow(wrong("priorBatches", "batchSize")); // prettier-ignore
  expect(() => evalBatches(imageExamples(4), "image", { batchSize: count })).toThrow(wrong("evalBatches", "batchSize"));
  const bound = { eps: 1e-3, times: count, offset: true, seed: 1 };
  expect(() => likelihoodBound(exactScore, sde, bound)).toThrow(wrong("likelihoodBound", "times"));
});

it.each([2.5, -1, NaN])("%s is no number of examples to draw", (total) => {
  const prior = () => priorBatches(sde, shape, { total, batchSize: 2, seed: 1 });
  expect(prior).toThrow(`priorBatches: total must be a whole number from 0 on, got ${total}`);
});
