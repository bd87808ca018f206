import { tap, type MonoTypeOperatorFunction } from "rxjs";
import { exponentialMovingAverage } from "../training/ema.ts";
import type { TrainState } from "../training/train-state.ts";
import { owning } from "./owning.ts";

/**
 * After each step moves the average of the parameters of `state` towards them; hands the values on.
 *
 * @throws RangeError when the rate is not in [0, 1).
 * @see the reference's losses.py step_fn, `params_ema`
 */
export function ema<T>(
  state: TrainState,
  { rate, compile }: { readonly rate: number; readonly compile: boolean },
): MonoTypeOperatorFunction<T> {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`ema: rate must lie in [0, 1), got ${rate}`);
  return (source) =>
    owning(
      () => exponentialMovingAverage({ compile }),
      (average) => source.pipe(tap(() => state.setEma(average.update(state.ema, state.parameters, rate)))),
    );
}
