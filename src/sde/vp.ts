/** The variance preserving SDE. */
import {
  betaAt,
  betaIntegral,
  importanceOf,
  meanCoefficient,
  oneMinusExp,
  timeOfIntegral,
  type LinearBetaOptions,
} from "./linear-beta.ts";
import type { SDE } from "./sde.ts";

/**
 * dx = -beta/2 x dt + sqrt(beta) dw, whose kernel is N(exp(-B/2) x(0), (1 - exp(-B)) I).
 *
 * g^2 / sigma^2 = beta / (1 - exp(-B)) is the derivative of log(exp(B) - 1), so times are drawn in closed form.
 *
 * @see Song et al. 2021, equation (2) with the VP coefficients; the reference's VPSDE
 */
export function vpSDE(options: LinearBetaOptions): SDE {
  const { betaMin, betaMax, N, reference } = options;
  const std = (t: number) => {
    const B = betaIntegral(options, t);
    return Math.sqrt(oneMinusExp(B, reference, B / 2));
  };
  // DDPM's step; the index is computed in float32 as in the reference.
  const discretize = (t: number) => {
    const index = Math.trunc(Math.fround(Math.fround(t) * (N - 1)));
    const beta = (betaMin + (N > 1 ? index / (N - 1) : 0) * (betaMax - betaMin)) / N;
    return { f: Math.sqrt(1 - beta) - 1, G: Math.sqrt(beta) };
  };
  return {
    name: "vp",
    T: 1,
    N,
    driftCoeff: (t) => -0.5 * betaAt(options, t),
    diffusion: (t) => Math.sqrt(betaAt(options, t)),
    meanCoeff: (t) => meanCoefficient(betaIntegral(options, t), reference),
    std,
    priorStd: 1,
    discretize,
    importance: importanceOf(
      options,
      (B) => Math.log(oneMinusExp(B, reference)) + B,
      (lambda) => (lambda > 0 ? lambda + Math.log1p(Math.exp(-lambda)) : Math.log1p(Math.exp(lambda))),
    ),
    // SNR = u / (1 - u) with u = exp(-B).
    timeOfLogSnr: (logSnr) => timeOfIntegral(options, Math.log1p(Math.exp(-logSnr))),
    timeCondition: (t) => 999 * t,
    scoreScale: (t) => -1 / std(t),
    // @see Score-Based Generative Modeling through SDEs, Appendix F; the reference's vpsde_update_fn
    ancestral(t) {
      const beta = discretize(t).G ** 2;
      const scale = 1 / Math.sqrt(1 - beta);
      return { x: scale, score: beta * scale, noise: Math.sqrt(beta) };
    },
    discrete: discreteForm(N, discretize),
  };
}

/** Labels (N - 1) t, and the deviation of the DDPM step in place of sigma_t. */
function discreteForm(N: number, discretize: SDE["discretize"]): NonNullable<SDE["discrete"]> {
  let deviations: Float64Array | undefined;
  return {
    timeCondition: (t) => t * (N - 1),
    // The step is found in float32 as in the reference.
    scoreScale(t) {
      deviations ??= stepDeviations(N, discretize);
      return -1 / deviations[Math.trunc(Math.fround(Math.fround(t) * (N - 1)))]!;
    },
  };
}

/** sqrt(1 - product of alpha_0 ... alpha_i), the deviation after step i of DDPM. */
function stepDeviations(N: number, discretize: SDE["discretize"]): Float64Array {
  let kept = 1;
  return Float64Array.from({ length: N }, (_, i) => {
    kept *= 1 - discretize(N > 1 ? (i + 0.25) / (N - 1) : 0).G ** 2;
    return Math.sqrt(1 - kept);
  });
}
