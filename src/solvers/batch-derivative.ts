import type { Later } from "../sde/score-function.ts";

/**
 * Computes dy/dt for some examples of a batch and writes it to `out`.
 *
 * @param examples Their indices in the batch, [n]; with "image" the last one may be repeated.
 * @param t [n].
 * @param y [n, ...state]; only valid during the call.
 * @param out [n, ...state].
 */
export type BatchDerivative = (
  examples: Int32Array,
  t: Float64Array,
  y: Float64Array,
  out: Float64Array,
) => Later<void>;
