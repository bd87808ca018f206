import { map, type OperatorFunction } from "rxjs";
import { exponentialMovingAverage } from "../training/ema.ts";
import type { TrainState } from "../training/train-state.ts";
import { owning } from "./owning.ts";

declare const averaged: unique symbol;

/** A value behind whose step the average has been moved; only in the type. */
export type Averaged<T> = T & { readonly [averaged]: true };

/**
 * Moves the average of the parameters of `state` towards them after each step, and passes the values on.
 *
 * Evaluation and samples use the average, so `record` takes only values that have been through here.
 *
 * @example
 * ```ts
 * stepRecords.pipe(ema(state, { rate: 0.9999, compile: true }));
 * ```
 * @throws RangeError when the rate is not in [0, 1).
 * @see the reference's losses.py step_fn, `params_ema`
 */
export function ema<T>(
  state: TrainState,
  { rate, compile }: { readonly rate: number; readonly compile: boolean },
): OperatorFunction<T, Averaged<T>> {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`ema: rate must lie in [0, 1), got ${rate}`);
  return (source) =>
    owning(
      () => exponentialMovingAverage({ compile }),
      (average) =>
        source.pipe(
          map((value) => {
            state.setEma(average.update(state.ema, state.parameters, rate));
            return value as Averaged<T>;
          }),
        ),
    );
}
