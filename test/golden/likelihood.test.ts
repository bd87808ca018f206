import { afterAll, describe, expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { bitsPerDimOf } from "../../src/likelihood/bits-per-dim.ts";
import { variationalBound, type BoundDraw } from "../../src/likelihood/bound.ts";
import { offsetTerm, priorTerm, scoreSums } from "../../src/likelihood/bound-terms.ts";
import { gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { gaussianScore } from "../../src/sde/gaussian-score.ts";
import { odeLikelihood } from "../../src/likelihood/ode-likelihood.ts";
import { reverseDrift } from "../../src/sde/reverse.ts";
import type { ScoreFunction } from "../../src/sde/score-function.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, largestSensitivity, type GoldenCase } from "./golden.ts";
import { referredNetwork, sdeOf } from "./reference-config.ts";
import { expectTimes } from "./times.ts";
import { evaluations, gaussianLikelihood, networkOutput, sdeFormula, trainingLoss } from "./tolerances.ts";

/** The images are 8 bits and centred: "7 for centered data" in the notes. */
const LEVELS = { levels: 256, centered: true };

interface Scored {
  readonly score: ScoreFunction;
  readonly sde: SDE;
  dispose(): void;
}

function scored(golden: GoldenCase): Scored {
  const { sde: config } = golden.config;
  const sde = sdeOf(config.name, config, { reference: true });
  if (golden.has("mu")) {
    const gaussian = { shape: golden.shape("mu"), mean: golden.f32("mu"), std: golden.f32("s") };
    return { score: gaussianScore(gaussian, sde), sde, dispose() {} };
  }
  const { network, parameters } = referredNetwork(golden);
  const uploaded = tf.tensor1d(parameters);
  const dispose = () => {
    uploaded.dispose();
    network.dispose();
  };
  return { score: network.scoreFunction(uploaded, sde), sde, dispose };
}

const dimsOf = (golden: GoldenCase) => golden.f32("x").length / golden.shape("x")[0]!;

/** Nats of log-density that a change of the bits/dim amounts to. */
const natsOf = (bits: number, dims: number) => bits * dims * Math.LN2;

/**
 * What the solution may deviate by: three times the largest change that a perturbation of the input made in a case of
 * the family (each case was perturbed once, and the changes differ by as much from draw to draw); for closed forms,
 * where the manifest gives none, the solver's own tolerance.
 */
function solverTolerance(golden: GoldenCase, name: "bpd" | "z") {
  const { rtol, atol } = golden.config;
  return golden.entry.sensitivity
    ? { atol: 3 * largestSensitivity(golden.family, `max_abs_change_${name}`) }
    : { atol: rtol + atol, rtol };
}

function odeTests(golden: GoldenCase, { score, sde }: Scored): void {
  const { eps, rtol, atol } = golden.config;
  const dims = dimsOf(golden);

  it("gives the reference's likelihood", { timeout: 120_000 }, async () => {
    const solution = await odeLikelihood(score, sde, golden.f32("x"), {
      eps,
      rtol,
      atol,
      probe: golden.f32("epsilon"),
    });
    const [bits, latent] = [solverTolerance(golden, "bpd"), solverTolerance(golden, "z")];
    const bpd = solution.logp.map((nats) => bitsPerDimOf(nats, dims, LEVELS));
    expect(bpd).toBeAllclose(golden.numbers("bpd"), bits);
    expect(solution.latent).toBeAllclose(golden.f32("z"), latent);
    const prior = gaussianLogDensity(solution.latent, new Float64Array(dims), sde.priorStd);
    const delta = solution.logp.map((nats, b) => nats - prior[b]!);
    // The latent's deviation moves prior and integral against each other.
    const spread = { atol: natsOf(bits.atol, dims) + 3 * Math.sqrt(dims) * latent.atol };
    expect(prior).toBeAllclose(golden.numbers("prior_logp"), spread);
    expect(delta).toBeAllclose(golden.numbers("delta_logp"), spread);
    expect(Math.abs(solution.evaluations - golden.number("nfe"))).toBeLessThanOrEqual(3 * evaluations());
    if (golden.has("exact_bpd_teps")) {
      expect(bpd).toBeAllclose(golden.numbers("exact_bpd_teps"), gaussianLikelihood());
    }
  });

  const times = golden.names("drift_t");
  it.each(times)("gives the reference's drift and divergence at t = %s", async (text) => {
    const t = Number(text);
    const B = golden.shape("x")[0]!;
    const [x, probe] = [golden.f32("x"), golden.f32("epsilon")];
    const result = await score.scoreAndDivergence(x, new Float64Array(B).fill(t), probe);
    const drift = reverseDrift(sde, t, { flow: true });
    const expected = golden.numbers(`drift_t${text}`);
    const received = result.score.map((s, i) => drift.x * x[i]! + drift.score * s);
    // The two terms may cancel; the size that counts is that of the larger one.
    const scale = Math.max(maxAbs(expected), Math.abs(drift.x) * maxAbs(x));
    expect(received).toBeAllclose(expected, { atol: networkOutput() * scale });
    const probeNorm = (b: number) => scoreSums(probe, probe, dims, b).squared;
    const divergence = result.divergence.map((d, b) => drift.x * probeNorm(b) + drift.score * d);
    const target = golden.numbers(`div_t${text}`);
    const size = Math.max(maxAbs(target), Math.abs(drift.x) * dims);
    expect(divergence).toBeAllclose(target, { atol: networkOutput() * size });
  });

  if (golden.has("exact_logp_t0")) {
    it("agrees with the exact density", () => {
      const exact = gaussianLogDensity(golden.f32("x"), golden.f32("mu"), golden.f32("s"));
      expect(exact).toBeAllclose(golden.numbers("exact_logp_t0"), sdeFormula());
      expect(exact.map((nats) => bitsPerDimOf(nats, dims, LEVELS))).toBeAllclose(
        golden.numbers("exact_bpd_t0"),
        sdeFormula(),
      );
      const [alpha, sigma] = [sde.meanCoeff(golden.config.eps), sde.std(golden.config.eps)];
      const mean = golden.f32("mu").map((m) => alpha * m);
      const std = golden.numbers("s").map((s) => Math.hypot(alpha * s, sigma));
      expect(gaussianLogDensity(golden.f32("x"), mean, std)).toBeAllclose(
        golden.numbers("exact_logp_teps"),
        sdeFormula(),
      );
    });
  }
}

function boundTests(golden: GoldenCase, { score, sde }: Scored): void {
  const { eps, N: times } = golden.config;
  const dims = dimsOf(golden);
  const data = golden.f32("x");
  const B = golden.shape("x")[0]!;
  const part = (name: string, i: number) => golden.f32(name).subarray(i * data.length, (i + 1) * data.length);

  it("draws the reference's times", () => {
    const u = golden.numbers("u");
    expect(sde.importance!.cumulative(sde.T, eps)).toBeAllclose(golden.number("Z"), sdeFormula());
    expectTimes(sde, eps, true, u, golden.numbers("t_iw"));
    expectTimes(sde, eps, false, u, golden.numbers("t_uni"));
  });

  it("gives the reference's prior and offset terms", async () => {
    const prior = Float64Array.from({ length: B }, (_, b) => priorTerm(sde, data, golden.f32("prior_noise"), dims, b));
    expect(prior).toBeAllclose(golden.numbers("neg_prior_logp"), sdeFormula());
    const noise = golden.f32("offset_noise");
    const [alpha, sigma] = [sde.meanCoeff(eps), sde.std(eps)];
    const s = await score.score(
      data.map((x, i) => alpha * x + sigma * noise[i]!),
      new Float64Array(B).fill(eps),
    );
    const offset = Float64Array.from({ length: B }, (_, b) =>
      offsetTerm(sde, eps, scoreSums(s, noise, dims, b), scoreSums(noise, noise, dims, b).squared, dims),
    );
    // The reference subtracts data and reconstruction, which are close, in float32.
    const rounding = (2 ** -24 * Math.sqrt(dims) * maxAbs(data) * 3) / sigma;
    expect(offset).toBeAllclose(golden.numbers("offset"), { atol: rounding, rtol: networkOutput() });
  });

  for (const name of golden.names("bpd_")) {
    const [form, weights, offset] = name.split("_") as ["dsm" | "ssm", "iw" | "uni", "off" | "nooff"];
    const t = golden.numbers(weights === "iw" ? "t_iw" : "t_uni");
    const draw = (i: number): BoundDraw => ({
      t: t.subarray(i * B, (i + 1) * B),
      noise: part("noise", i),
      probe: part("epsilon", i),
    });
    it(`gives the reference's bound, ${name}`, async () => {
      const nats = await variationalBound(score, sde, data, {
        eps,
        times,
        importance: weights === "iw",
        form,
        draw,
        offsetNoise: offset === "off" ? golden.f32("offset_noise") : undefined,
        priorNoise: golden.f32("prior_noise"),
        reference: true,
      });
      const bpd = nats.map((value) => bitsPerDimOf(-value, dims, LEVELS));
      expect(bpd).toBeAllclose(golden.numbers(`bpd_${name}`), trainingLoss());
    });
  }
}

describeFamily("likelihood", (cases) => {
  for (const golden of cases) {
    describe(golden.name, () => {
      const used = scored(golden);
      afterAll(() => used.dispose());
      if (golden.has("nfe")) odeTests(golden, used);
      else boundTests(golden, used);
    });
  }
});
