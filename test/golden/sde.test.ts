import { expect, it } from "vitest";
import { gaussianEntropy, gaussianLogDensity } from "../../src/sde/gaussian-density.ts";
import { reverseDrift, reverseStep, type ReverseCoefficients } from "../../src/sde/reverse.ts";
import type { SDE } from "../../src/sde/sde.ts";
import "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";
import { sdeOf } from "./reference-config.ts";
import { sdeFormula } from "./tolerances.ts";

/** What a tensor is a function of. */
interface Inputs {
  readonly golden: GoldenCase;
  /** As the released code computes. */
  readonly sde: SDE;
  /** Without its approximation for small times: the tensors called "lowprec", which are exact in float64. */
  readonly exact: SDE;
}

type Formula = (inputs: Inputs) => ArrayLike<number>;

const byTime =
  (value: (sde: SDE, t: number) => number, exact = false): Formula =>
  (inputs) =>
    inputs.golden.numbers("t").map((t) => value(exact ? inputs.exact : inputs.sde, t));

/** coefficients(sde, t) applied to x and the score -x / (t + 0.5) of the notes. */
const byState =
  (coefficients: (sde: SDE, t: number) => { x: number; score?: number }, exact = false): Formula =>
  ({ golden, sde, exact: other }) => {
    const t = golden.numbers("t");
    const x = golden.numbers("x");
    const size = x.length / t.length;
    return x.map((value, i) => {
      const time = t[Math.floor(i / size)]!;
      const { x: a, score = 0 } = coefficients(exact ? other : sde, time);
      return a * value + score * (-value / (time + 0.5));
    });
  };

/** beta_i of the discretization: the time in the middle of the index's range avoids its rounding. */
const ladder = (sde: SDE) =>
  Float64Array.from({ length: sde.N }, (_, i) => sde.discretize(Math.min((i + 0.5) / (sde.N - 1), sde.T)).G ** 2);

function cumulative(values: Float64Array, next: (total: number, value: number) => number, start: number): Float64Array {
  let total = start;
  return values.map((value) => (total = next(total, value)));
}
const alphasProduct = (sde: SDE) => cumulative(ladder(sde), (total, beta) => total * (1 - beta), 1);

const reverse = (name: string, flow: boolean): Record<string, Formula> => {
  const noise = (of: typeof reverseDrift) => byTime((sde, t) => of(sde, t, { flow }).noise);
  const change = (of: typeof reverseDrift) => byState((sde, t): ReverseCoefficients => of(sde, t, { flow }));
  return {
    [`rev_${name}_drift`]: change(reverseDrift),
    [`rev_${name}_diffusion`]: noise(reverseDrift),
    [`rev_${name}_disc_f`]: change(reverseStep),
    [`rev_${name}_disc_G`]: noise(reverseStep),
  };
};

const FORMULAS: Record<string, Formula> = {
  drift: byState((sde, t) => ({ x: sde.driftCoeff(t) })),
  diffusion: byTime((sde, t) => sde.diffusion(t)),
  diffusion_lowprec: byTime((sde, t) => sde.diffusion(t), true),
  mean: byState((sde, t) => ({ x: sde.meanCoeff(t) })),
  mean_coeff: byTime((sde, t) => sde.meanCoeff(t)),
  mean_lowprec: byState((sde, t) => ({ x: sde.meanCoeff(t) }), true),
  std: byTime((sde, t) => sde.std(t)),
  std_lowprec: byTime((sde, t) => sde.std(t), true),
  prior_logp({ golden, sde }) {
    const z = golden.f32("prior_z");
    return gaussianLogDensity(z, new Float64Array(z.length / golden.shape("prior_z")[0]!), sde.priorStd);
  },
  prior_entropy({ golden, sde }) {
    const [B, ...shape] = golden.shape("prior_z");
    const std = new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(sde.priorStd);
    return new Float64Array(B!).fill(gaussianEntropy(std));
  },
  disc_f: byState((sde, t) => ({ x: sde.discretize(t).f })),
  disc_G: byTime((sde, t) => sde.discretize(t).G),
  ...reverse("sde", false),
  ...reverse("ode", true),
  discrete_betas: ({ sde }) => ladder(sde),
  alphas: ({ sde }) => ladder(sde).map((beta) => 1 - beta),
  alphas_cumprod: ({ sde }) => alphasProduct(sde),
  sqrt_alphas_cumprod: ({ sde }) => alphasProduct(sde).map(Math.sqrt),
  // Its square: see where it is compared.
  sqrt_1m_alphas_cumprod: ({ sde }) => alphasProduct(sde).map((product) => 1 - product),
  discrete_sigmas: ({ sde }) => cumulative(ladder(sde), (total, G2) => total + G2, 0).map(Math.sqrt),
};

/** Formulas of the importance weight, whose names end in the smallest time. */
const WEIGHTS: Record<string, (inputs: Inputs, eps: number, suffix: string) => ArrayLike<number>> = {
  cum_weight: ({ golden, sde }, eps, suffix) =>
    golden.numbers(`cum_t${suffix}`).map((t) => sde.importance!.cumulative(t, eps)),
  Z: ({ sde }, eps) => [sde.importance!.cumulative(sde.T, eps)],
  quantile: ({ golden, sde }, eps) =>
    golden.numbers("unit_uniform").map((u) => u * sde.importance!.cumulative(sde.T, eps)),
  iw_time: ({ golden, sde }, eps) =>
    golden.numbers("unit_uniform").map((u) => sde.importance!.inverse(u * sde.importance!.cumulative(sde.T, eps), eps)),
};

const isInput = (name: string) => /^(t|x|prior_z|unit_uniform|cum_t_eps.*)$/.test(name);
/** Both forms of VE have a ladder in the reference; the linear one's is used by nothing. */
const isUnused = (name: string, sde: SDE) => name === "discrete_sigmas" && sde.name === "linearve";

describeFamily("sde", (cases) => {
  for (const golden of cases) {
    const inputs: Inputs = {
      golden,
      sde: sdeOf(golden.name, golden.config, { reference: true }),
      exact: sdeOf(golden.name, golden.config, { reference: false }),
    };
    // Where the reference was also run in float64, its float32 numbers say less.
    const names = golden.names().filter((name) => !golden.has(`${name}_f64`));
    for (const name of names.filter((name) => !isInput(name) && !isUnused(name, inputs.sde))) {
      it(`${golden.name}: ${name}`, () => {
        const plain = name.replace(/_f64$/, "");
        const weight = /^(\w+)(_eps([\d.e-]+))$/.exec(plain);
        const received = weight
          ? WEIGHTS[weight[1]!]?.(inputs, Number(weight[3]), weight[2]!)
          : FORMULAS[plain]?.(inputs);
        if (!received) throw new Error(`the test knows no formula for "${name}"`);
        // In float32 the difference of 1 and a product near 1 has few digits, and its root fewer.
        const cancels = name === "sqrt_1m_alphas_cumprod";
        const expected = golden.numbers(name).map((value) => (cancels ? value ** 2 : value));
        expect(received).toBeAllclose(expected, { ...sdeFormula(), atol: cancels ? 2 ** -22 : 0 });
      });
    }
  }
});
