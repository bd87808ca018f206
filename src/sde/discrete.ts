/** Score networks that were trained on the N steps of DDPM or SMLD instead of continuous times. */
import { UsageError } from "../base/errors.ts";
import type { SDE } from "./sde.ts";

/**
 * Gives the SDE the labels and scale of such a network, its member `discrete`.
 *
 * @throws UsageError when the SDE has no such form, as the reference does for linear VE.
 * @see the reference's models/utils.py get_score_fn with continuous=False
 */
export function discrete(sde: SDE): SDE {
  if (sde.discrete) return { ...sde, ...sde.discrete };
  throw new UsageError(`the ${sde.name} SDE supports only continuous times`, "--set training.continuous=true");
}
