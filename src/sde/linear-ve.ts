/** The variance exploding SDE with a linear deviation. */
import { eulerMaruyama } from "./euler-maruyama.ts";
import { smldStep } from "./smld-step.ts";
import type { SDE } from "./sde.ts";
import type { VeOptions } from "./ve.ts";

/**
 * dx = sigmaMax sqrt(2 t) dw, whose kernel has the standard deviation sigmaMax t.
 *
 * @see the reference's VESDE(linear=True)
 */
export function linearVeSDE({ sigmaMax, N }: Omit<VeOptions, "sigmaMin">): SDE {
  const driftCoeff = () => 0;
  const diffusion = (t: number) => sigmaMax * Math.sqrt(2 * t);
  const std = (t: number) => t * sigmaMax;
  return {
    name: "linearve",
    T: 1,
    N,
    driftCoeff,
    diffusion,
    meanCoeff: () => 1,
    std,
    priorStd: sigmaMax,
    discretize: eulerMaruyama(driftCoeff, diffusion, N),
    timeOfLogSnr: (logSnr) => Math.exp(-logSnr / 2) / sigmaMax,
    timeCondition: (t) => 999 * t,
    scoreScale: (t) => -1 / std(t),
    // Its network knows the noise of the times, not that of the reference's ladder, which it has no part in.
    ancestral: (t, next) => smldStep(std(t), next > 0 ? std(next) : 0),
  };
}
