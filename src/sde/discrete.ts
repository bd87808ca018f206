/** Score networks that were trained on the N steps of DDPM or SMLD instead of continuous times. */
import { UsageError } from "../base/errors.ts";
import type { SDE } from "./sde.ts";

/**
 * The SDE with the labels that such a network takes: (N - 1) t for VP, with the deviation of the DDPM step in place of
 * sigma_t; the step counted from the largest noise for VE. subVP has no discrete form and stays as it is.
 *
 * @throws UsageError for linear VE, as the reference does.
 * @see the reference's models/utils.py get_score_fn with continuous=False
 */
export function discrete(sde: SDE): SDE {
  const last = sde.N - 1;
  switch (sde.name) {
    case "subvp":
      return sde;
    case "linearve":
      throw new UsageError("linear ve knows continuous times only", "--set training.continuous=true");
    case "ve":
      return { ...sde, timeCondition: (t) => Math.round((sde.T - t) * last) };
    case "vp": {
      const deviations = stepDeviations(sde);
      return {
        ...sde,
        timeCondition: (t) => t * last,
        // The step is found in float32 as in the reference.
        scoreScale: (t) => -1 / deviations[Math.trunc(Math.fround(Math.fround(t) * last))]!,
      };
    }
  }
}

/** sqrt(1 - product of alpha_0 ... alpha_i), the deviation after step i of DDPM. */
function stepDeviations({ N, discretize }: SDE): Float64Array {
  let kept = 1;
  return Float64Array.from({ length: N }, (_, i) => {
    kept *= 1 - discretize(N > 1 ? (i + 0.25) / (N - 1) : 0).G ** 2;
    return Math.sqrt(1 - kept);
  });
}
