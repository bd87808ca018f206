/** The reverse-time SDE and the probability flow ODE of a forward SDE, as coefficients at one time. */
import type { SDE } from "./sde.ts";

/**
 * A drift, or the change in one step: `x` times x plus `score` times score(x, t), with the standard deviation of the
 * noise.
 */
export interface ReverseCoefficients {
  readonly x: number;
  readonly score: number;
  readonly noise: number;
}

/**
 * Returns the reverse-time SDE dx = (a x - g^2 score) dt + g dw. With `flow`, returns the ODE dx = (a x - g^2 / 2
 * score) dt, which has the same marginals.
 *
 * @see Song et al. 2021, equations (3) and (4); the reference's SDE.reverse().sde
 */
export function reverseDrift(sde: SDE, t: number, { flow }: { readonly flow: boolean }): ReverseCoefficients {
  const g = sde.diffusion(t);
  return { x: sde.driftCoeff(t), score: (flow ? -0.5 : -1) * g * g, noise: flow ? 0 : g };
}

/**
 * Returns the coefficients of the reverse step of the SDE's discretization. The step to the next smaller time subtracts
 * it from x.
 *
 * @see the reference's SDE.reverse().discretize
 */
export function reverseStep(sde: SDE, t: number, { flow }: { readonly flow: boolean }): ReverseCoefficients {
  const { f, G } = sde.discretize(t);
  return { x: f, score: (flow ? -0.5 : -1) * G * G, noise: flow ? 0 : G };
}
