import type { SDE } from "./sde.ts";

/** A step of length 1/N by Euler and Maruyama. @see the reference's SDE.discretize */
export function eulerMaruyama(
  driftCoeff: SDE["driftCoeff"],
  diffusion: SDE["diffusion"],
  N: number,
): SDE["discretize"] {
  return (t) => ({ f: driftCoeff(t) / N, G: diffusion(t) * Math.sqrt(1 / N) });
}
