import type { Move } from "./sde.ts";

/**
 * The ancestral step of SMLD from the deviation `sigma` to `below`, both at least 0.
 *
 * @see Score-Based Generative Modeling through SDEs, Appendix F; the reference's vesde_update_fn
 */
export function smldStep(sigma: number, below: number): Move {
  const variance = sigma ** 2 - below ** 2;
  return { x: 1, score: variance, noise: (below * Math.sqrt(variance)) / sigma };
}
