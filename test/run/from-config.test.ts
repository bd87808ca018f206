import { describe, expect, it } from "vitest";
import { evaluationSeed, sdeOf, weightingOf } from "../../src/run/from-config.ts";
import { networkOf } from "../../src/run/network-from-config.ts";
import { parseAssignment, resolveConfig } from "../../src/run/resolve-config.ts";

const config = (...sets: string[]) => resolveConfig({ settings: [{}], assignments: sets.map(parseAssignment) }).config;
const ve = ["sde=ve", "model.embeddingType=fourier"];

describe("sdeOf", () => {
  // beta(t) = betaMin + t (betaMax - betaMin): 1 and 3 give beta(0.5) = 2 and the integral 0.75 up to 0.5.
  const beta = ["model.betaMin=1", "model.betaMax=3", "model.numScales=7"];

  it("makes vp of betaMin, betaMax and numScales", () => {
    const sde = sdeOf(config(...beta));
    expect([sde.name, sde.N]).toEqual(["vp", 7]);
    expect(sde.diffusion(0.5)).toBeCloseTo(Math.sqrt(2), 12);
    expect(sde.std(0.5)).toBeCloseTo(Math.sqrt(1 - Math.exp(-0.75)), 12);
    // A continuous time is told as 999 t, whatever numScales.
    expect(sde.timeCondition(0.5)).toBe(499.5);
  });

  it("makes subvp of the same", () => {
    const sde = sdeOf(config("sde=subvp", ...beta));
    expect([sde.name, sde.N]).toEqual(["subvp", 7]);
    expect(sde.diffusion(0.5)).toBeCloseTo(Math.sqrt(2 * (1 - Math.exp(-1.5))), 12);
    expect(sde.std(0.5)).toBeCloseTo(1 - Math.exp(-0.75), 12);
  });

  it("makes ve of sigmaMin, sigmaMax and numScales", () => {
    const sde = sdeOf(config(...ve, "model.sigmaMin=0.5", "model.sigmaMax=8", "model.numScales=7"));
    expect([sde.name, sde.N]).toEqual(["ve", 7]);
    // sigma(t) = 0.5 (8 / 0.5)^t.
    expect(sde.std(0.5)).toBeCloseTo(2, 12);
    expect(sde.timeCondition(1)).toBeCloseTo(8, 12);
  });

  it("tells the network discrete steps where training.continuous is false", () => {
    const discrete = sdeOf(config(...beta, "training.continuous=false"));
    const { timeCondition } = discrete;
    expect([0, 0.5, 1].map((t) => timeCondition.call(discrete, t))).toEqual([0, 3, 6]);
  });
});

describe("networkOf", () => {
  it("is the model's fields, the image's shape and data.centered", () => {
    const resolved = config("model.nf=8", "data.centered=false");
    const expected = { ...resolved.model, imageSize: 32, channels: 3, centered: false, logCondition: false };
    expect(networkOf(resolved, [32, 32, 3])).toEqual(expected);
    expect([expected.nf, networkOf(config("model.chMult=1,2,2"), [28, 28, 1])]).toMatchObject([
      8,
      { imageSize: 28, channels: 1, centered: true },
    ]);
  });

  it("refuses a shape that cannot be halved as often, by its field", () => {
    expect(() => networkOf(config(), [28, 28, 1])).toThrow(/model\.chMult: 4 resolutions .* 28 is not divisible by 8/);
  });

  it.each([
    [["sde=vp"], false],
    [["sde=subvp"], false],
    [ve, true],
    [["sde=vp", "training.continuous=false"], false],
    [[...ve, "training.continuous=false"], false],
  ])("with %j takes the logarithm of the condition: %s", (sets, logCondition) => {
    expect(networkOf(config(...sets), [32, 32, 3]).logCondition).toBe(logCondition);
  });
});

describe("model.prediction", () => {
  it("says what the output means; unset, the SDE does", () => {
    const scales = (...sets: string[]) => {
      const sde = sdeOf(config(...sets));
      return [sde.scoreScale(0.5), sde.inputScale?.(0.5)];
    };
    const std = sdeOf(config()).std(0.5);
    expect(scales()).toEqual([-1 / std, undefined]);
    expect(scales("model.prediction=noise")).toEqual([-1 / std, undefined]);
    expect(scales("model.prediction=score")).toEqual([1, undefined]);
    expect(scales("model.prediction=velocity")[1]).toBeCloseTo(-1, 12);
  });

  it("is refused for networks of discrete steps", () => {
    expect(() => config("model.prediction=velocity", "training.continuous=false")).toThrow(
      /^model.prediction: a network of discrete steps/,
    );
  });
});

describe("weightingOf", () => {
  it("draws times for the velocity where asked", () => {
    expect(weightingOf(config("training.likelihoodWeighting=true", "training.velocityTimes=true"))).toBe("velocity");
    expect(weightingOf(config("training.velocityTimes=true"))).toBe("original");
  });

  it.each([
    [false, false, "original"],
    [false, true, "original"],
    [true, false, "likelihood"],
    [true, true, "importance"],
  ])("likelihoodWeighting %s, importanceWeighting %s: %s", (likelihood, importance, weighting) => {
    const sets = [`training.likelihoodWeighting=${likelihood}`, `training.importanceWeighting=${importance}`];
    expect(weightingOf(config(...sets))).toBe(weighting);
  });
});

it("evaluation draws from the seed after that of the training", () => {
  expect([evaluationSeed(config()), evaluationSeed(config("seed=7"))]).toEqual([43, 8]);
});
