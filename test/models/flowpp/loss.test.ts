import type { Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { isNative } from "../../../src/engine/kernels.ts";
import { tf } from "../../../src/engine/tf.ts";
import { dsmIntegrand, offsetTerm, priorTerm, scoreSums } from "../../../src/likelihood/bound-terms.ts";
import { dequantizationTerms } from "../../../src/models/flowpp/loss-terms.ts";
import { dequantizationObjective, type DequantizationDraws } from "../../../src/models/flowpp/loss.ts";
import { dequantizationSampler } from "../../../src/models/flowpp/sampler.ts";
import type { ScoreModel } from "../../../src/models/score-model.ts";
import type { SDE } from "../../../src/sde/sde.ts";
import { predicting } from "../../../src/sde/prediction.ts";
import { subVpSDE } from "../../../src/sde/sub-vp.ts";
import { veSDE } from "../../../src/sde/ve.ts";
import { vpSDE } from "../../../src/sde/vp.ts";
import { largestError } from "../../support/numbers.ts";
import { expectNoLeak, normal } from "../../support/tensors.ts";
import { pixels, SHAPE, trained } from "./support.ts";

const EPS = 1e-2;
const DIMS = 48;
const TIMES = [0.1, 0.7];
const SCORE = [0.5, -0.2];

/** A score network whose output is a x + b, and a little of the time. */
const linearModel: ScoreModel = {
  shape: SHAPE,
  parameters: [
    { name: "a", shape: [1], init: { kind: "zeros" } },
    { name: "b", shape: [1], init: { kind: "zeros" } },
  ],
  apply: ({ parameters }, x, timeCondition) => {
    const time = tf.mul(timeCondition.reshape([-1, 1, 1, 1]), 1e-3);
    return tf.add<Tensor4D>(tf.add(tf.mul(x, parameters["a"]!), parameters["b"]!), time);
  },
};

const beta = { betaMin: 0.1, betaMax: 20, N: 1000, reference: false };
const SDES: [string, SDE, boolean][] = [
  ["VP", vpSDE(beta), true],
  ["sub-VP", subVpSDE(beta), true],
  ["VP", vpSDE(beta), false],
  ["VE", veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 }), false],
  ["VP, predicted velocity", predicting(vpSDE(beta), "velocity"), true],
];

function draws(): DequantizationDraws & { readonly offsetNoise: Float32Array } {
  const image = pixels(2, SHAPE, 6);
  const noise = (seed: number) => normal(2 * DIMS, seed);
  return { image, noise: noise(1), priorNoise: noise(2), timeNoise: noise(3), offsetNoise: noise(4), t: TIMES };
}

/** The linear model's parameters as its flat vector, in which each starts at a multiple of 16. */
const scoreVector = () => {
  const flat = new Float32Array(32);
  [flat[0], flat[16]] = [SCORE[0]!, SCORE[1]!];
  return tf.tensor1d(flat);
};

const setupOf = (importance: boolean, compile: boolean) =>
  ({ eps: EPS, importance, offset: true, reference: false, centered: true, compile }) as const;

/** The losses from the terms of the bound, in float64. */
function expectedLosses(sde: SDE, importance: boolean, u: Float32Array, negLogQ: Float32Array): number[] {
  const given = draws();
  const data = given.image.map((pixel, i) => (2 * (255 * pixel + u[i]!)) / 256 - 1);
  const scoreOf = (noise: Float32Array, times: readonly number[]) =>
    data.map((value, i) => {
      const t = times[Math.floor(i / DIMS)]!;
      const x = sde.meanCoeff(t) * value + sde.std(t) * noise[i]!;
      const out = SCORE[0]! * x + SCORE[1]! + 1e-3 * sde.timeCondition(t);
      return sde.scoreScale(t) * out + (sde.inputScale?.(t) ?? 0) * x;
    });
  const [late, early] = [
    scoreOf(given.timeNoise, TIMES),
    scoreOf(
      given.offsetNoise,
      TIMES.map(() => EPS),
    ),
  ];
  return TIMES.map((t, b) => {
    const integrand = dsmIntegrand(sde, t, scoreSums(late, given.timeNoise, DIMS, b), DIMS);
    const withoutDrift = integrand + 2 * DIMS * sde.driftCoeff(t);
    const density = importance
      ? sde.diffusion(t) ** 2 / sde.std(t) ** 2 / sde.importance!.cumulative(sde.T, EPS)
      : 1 / (sde.T - EPS);
    const drift = -DIMS * Math.log(sde.meanCoeff(sde.T) / sde.meanCoeff(EPS));
    const own = given.offsetNoise.subarray(b * DIMS, (b + 1) * DIMS);
    const offset = offsetTerm(
      sde,
      EPS,
      scoreSums(early, given.offsetNoise, DIMS, b),
      own.reduce((sum, z) => sum + z * z, 0),
      DIMS,
    );
    const prior = priorTerm(sde, data, given.priorNoise, DIMS, b);
    return prior + (0.5 * withoutDrift) / density + drift + offset - negLogQ[b]!;
  });
}

describe("dequantizationLoss", () => {
  it.each(SDES)("is made of the bound's terms: %s", async (_name, sde, importance) => {
    const { dequantizer, moved } = trained("cifar10");
    await expectNoLeak(async () => {
      const [parameters, score] = [tf.tensor1d(moved), scoreVector()];
      const sampler = dequantizationSampler(dequantizer, { compile: false });
      const { u, negLogQ } = sampler.draw(parameters, draws().noise, draws().image);
      const loss = dequantizationObjective(dequantizer, linearModel, sde, setupOf(importance, false));
      const losses = await loss.losses(parameters, score, draws());
      expect(largestError(losses, expectedLosses(sde, importance, u, negLogQ))).toBeLessThan(1e-4);
      loss.dispose();
      tf.dispose([parameters, score]);
    });
  });

  it.runIf(isNative())(
    "gives the same losses and gradients compiled, with the slope that differences give",
    async () => {
      const { dequantizer, moved } = trained("cifar10");
      await expectNoLeak(async () => {
        const [parameters, score] = [tf.tensor1d(moved), scoreVector()];
        const run = async (on: boolean) => {
          const loss = dequantizationObjective(dequantizer, linearModel, vpSDE(beta), setupOf(true, on));
          const { losses, gradient } = await loss.lossAndGradient(parameters, score, draws());
          const alone = await loss.losses(parameters, score, draws());
          const result = { losses, gradient: gradient.dataSync() as Float32Array, alone };
          gradient.dispose();
          loss.dispose();
          return result;
        };
        const [eager, graph] = [await run(false), await run(true)];
        expect(largestError(graph.losses, eager.losses)).toBeLessThan(1e-5);
        expect(largestError(graph.alone, eager.losses)).toBeLessThan(1e-5);
        expect(largestError(graph.gradient, eager.gradient)).toBeLessThan(1e-3);

        const direction = normal(moved.length, 9);
        const loss = dequantizationObjective(dequantizer, linearModel, vpSDE(beta), setupOf(true, false));
        const f = async (step: number) => {
          const point = tf.tensor1d(moved.map((value, i) => value + step * direction[i]!));
          const losses = await loss.losses(point, score, draws());
          point.dispose();
          return losses.reduce((a, b) => a + b) / TIMES.length;
        };
        const numerical = ((await f(1e-3)) - (await f(-1e-3))) / 2e-3;
        const along = eager.gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
        expect(Math.abs(along - numerical)).toBeLessThan(0.02 * (1 + Math.abs(numerical)));
        loss.dispose();
        tf.dispose([parameters, score]);
      });
    },
  );

  it("needs noise for the offset", async () => {
    const { dequantizer, moved } = trained("cifar10");
    const [parameters, score] = [tf.tensor1d(moved), scoreVector()];
    const loss = dequantizationObjective(dequantizer, linearModel, vpSDE(beta), setupOf(true, false));
    const { offsetNoise: _left, ...rest } = draws();
    await expect(loss.losses(parameters, score, rest)).rejects.toThrow(/offsetNoise/);
    tf.dispose([parameters, score]);
  });
});

describe("dequantizationTerms", () => {
  const options = { eps: EPS, importance: false, offset: false, reference: false };

  it.each(SDES)("integrates the divergence of the drift: %s", (_name, sde) => {
    const steps = 20_000;
    let integral = 0;
    for (let i = 0; i < steps; i++) integral += sde.driftCoeff(EPS + ((i + 0.5) / steps) * (sde.T - EPS));
    const expected = (-DIMS * integral * (sde.T - EPS)) / steps;
    const { drift } = dequantizationTerms(sde, options, { t: TIMES }, DIMS);
    expect(drift[0]).toBeCloseTo(expected, 3);
  });

  it("refuses importance weighting where there is none, and the reference's form without its times", () => {
    const ve = SDES.find(([name]) => name === "VE")![1];
    expect(() => dequantizationTerms(ve, { ...options, importance: true }, { t: TIMES }, DIMS)).toThrow(/importance/);
    expect(() => dequantizationTerms(ve, { ...options, reference: true }, { t: TIMES }, DIMS)).toThrow(/tDrift/);
  });
});
