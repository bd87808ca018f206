/** The sub-variance preserving SDE, which excels at likelihoods. */
import {
  betaAt,
  betaIntegral,
  importanceOf,
  meanCoefficient,
  oneMinusExp,
  timeOfIntegral,
  type LinearBetaOptions,
} from "./linear-beta.ts";
import { eulerMaruyama } from "./euler-maruyama.ts";
import type { SDE } from "./sde.ts";

/**
 * dx = -beta/2 x dt + sqrt(beta (1 - exp(-2B))) dw, whose kernel is N(exp(-B/2) x(0), (1 - exp(-B))^2 I).
 *
 * g^2 / sigma^2 = beta coth(B/2) is the derivative of 2 log(2 sinh(B/2)) = 2 log(exp(B) - 1) - B.
 *
 * @see Score-Based Generative Modeling through SDEs, Section 3.4; the reference's subVPSDE
 */
export function subVpSDE(options: LinearBetaOptions): SDE {
  const { N, reference } = options;
  const integral = (t: number) => betaIntegral(options, t);
  const driftCoeff = (t: number) => -0.5 * betaAt(options, t);
  const diffusion = (t: number) => Math.sqrt(betaAt(options, t) * oneMinusExp(2 * integral(t), reference));
  const std = (t: number) => oneMinusExp(integral(t), reference, integral(t) / 2);
  return {
    name: "subvp",
    T: 1,
    N,
    driftCoeff,
    diffusion,
    meanCoeff: (t) => meanCoefficient(integral(t), reference),
    std,
    priorStd: 1,
    discretize: eulerMaruyama(driftCoeff, diffusion, N),
    importance: importanceOf(
      options,
      (B) => (reference && B <= 1e-3 ? 2 * Math.log(B) - B : 2 * Math.log(-Math.expm1(-B)) + B),
      (lambda) => 2 * Math.asinh(Math.exp(lambda / 2) / 2),
    ),
    // sigma / alpha = 2 sinh(B/2).
    timeOfLogSnr: (logSnr) => timeOfIntegral(options, 2 * Math.asinh(Math.exp(-logSnr / 2) / 2)),
    timeCondition: (t) => 999 * t,
    scoreScale: (t) => -1 / std(t),
    smallestTimes: { training: 1e-2, sampling: 1e-2 },
    // The reference gives networks of discrete steps the same labels.
    discrete: {},
  };
}
