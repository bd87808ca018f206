import type { Later } from "../sde/score-function.ts";

/**
 * Writes dy/dt of some examples of a batch.
 *
 * @param examples Their indices in the batch, [n]; with "image" the last one may be repeated.
 * @param t [n].
 * @param y [n, ...state], not kept.
 * @param out [n, ...state].
 */
export type BatchDerivative = (
  examples: Int32Array,
  t: Float64Array,
  y: Float64Array,
  out: Float64Array,
) => Later<void>;
