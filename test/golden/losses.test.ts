import { expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { lossInputs, type Weighting } from "../../src/streams/score-matching.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";
import { referredNetwork, sdeOf } from "./reference-config.ts";
import { expectTimes } from "./times.ts";
import { networkOutput, sdeFormula, trainingLoss } from "./tolerances.ts";

const WEIGHTINGS: Record<string, Weighting> = { orig: "original", ll: "likelihood", iw: "importance" };
const INFO = { step: 0, shard: 0, shards: 1, firstSample: 0 };

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

/** x(t) at times t [B]. */
function perturbed(golden: GoldenCase, sde: SDE, t: ArrayLike<number>): Float32Array {
  const [x, z] = [golden.f32("x"), golden.f32("z")];
  const dims = x.length / t.length;
  return x.map((value, i) => {
    const time = t[Math.floor(i / dims)]!;
    return sde.meanCoeff(time) * value + sde.std(time) * z[i]!;
  });
}

describeFamily("losses", (cases) => {
  for (const golden of cases) {
    const { sde: config, eps } = golden.config;
    const sde = sdeOf(config.name, config, { reference: true });
    const suffixes = golden.has("t_iw") ? ["uniform", "iw"] : ["uniform"];

    it(`${golden.name}: has importance weighting exactly where this SDE has`, () => {
      expect(golden.has("t_iw")).toBe(sde.importance !== undefined);
    });

    it.each(suffixes)(`${golden.name}: times, perturbed data and score, %s`, async (suffix) => {
      const t = golden.numbers(`t_${suffix}`);
      expectTimes(sde, eps, suffix === "iw", golden.numbers("u"), t);
      if (suffix === "iw") {
        expect(sde.importance!.cumulative(sde.T, eps)).toBeAllclose(golden.number("Z"), sdeFormula());
      }
      const expected = golden.f32(`perturbed_${suffix}`);
      expect(perturbed(golden, sde, t)).toBeAllclose(expected, { atol: sdeFormula().rtol * maxAbs(expected) });

      const { network, parameters } = referredNetwork(golden);
      const uploaded = tf.tensor1d(parameters);
      const score = await network.scoreFunction(uploaded, sde).score(expected, t);
      // The reference computes the network's condition in float32; Fourier features of its logarithm make much of that.
      const rounded: SDE = { ...sde, timeCondition: (t) => sde.timeCondition(t) * (1 + 2 ** -21) };
      const other = await network.scoreFunction(uploaded, rounded).score(expected, t);
      const target = golden.f32(`score_${suffix}`);
      const dims = target.length / t.length;
      // Scores of different times differ in size, so each example has its own scale.
      for (let b = 0; b < t.length; b++) {
        const [own, received, moved] = [target, score, other].map((all) => all.subarray(b * dims, (b + 1) * dims)) as [
          Float32Array,
          Float32Array,
          Float32Array,
        ];
        const rounding = maxAbs(moved.map((value, i) => value - received[i]!));
        expect(received).toBeAllclose(own, { atol: networkOutput() * maxAbs(own) + rounding });
      }
      uploaded.dispose();
      network.dispose();
    });

    it.each(["mean", "sum"])(`${golden.name}: losses, reduced by %s`, async (reduction) => {
      const { network, parameters } = referredNetwork(golden, { reduceMean: reduction === "mean" });
      const uploaded = tf.tensor1d(parameters);
      const shape = golden.shape("x").slice(1);
      for (const [name, weighting] of Object.entries(WEIGHTINGS)) {
        if (!golden.has(`loss_${name}_${reduction}`)) continue;
        const t = golden.f32(weighting === "importance" ? "t_iw" : "t_uniform");
        const batch = createBatch(
          {
            t: { data: t, shape: [] },
            noise: { data: golden.f32("z"), shape },
            perturbed: { data: perturbed(golden, sde, t), shape },
          },
          INFO,
        );
        const losses = await network.losses(uploaded, lossInputs(batch, sde, weighting));
        expect(losses).toBeAllclose(golden.f32(`per_example_${name}_${reduction}`), trainingLoss());
        expect(mean(losses)).toBeAllclose(golden.number(`loss_${name}_${reduction}`), trainingLoss());
      }
      uploaded.dispose();
      network.dispose();
    });
  }
});
