import { map, type OperatorFunction } from "rxjs";
import { exponentialMovingAverage } from "../training/ema.ts";
import { averageOf, type TrainState } from "../training/train-state.ts";
import { owning } from "./owning.ts";

declare const averaged: unique symbol;

/** A value behind whose step the average has been moved; only in the type. */
export type Averaged<T> = T & { readonly [averaged]: true };

/** A value of a step whose average has not been moved, and of which no copy was made. */
interface BeforeAverage {
  readonly [averaged]?: never;
  readonly updates?: never;
}

/** Options of {@link ema}. */
export interface EmaOptions {
  /** Decay of a step, in [0, 1). */
  readonly rate: number;
  /** Decays of further averages, which the state keeps beside the main one; default: none. */
  readonly rates?: readonly number[];
  /** Steps behind each value, default 1: a round of local steps. */
  readonly stride?: number;
  readonly compile: boolean;
}

/**
 * Moves the average of the parameters of `state` towards them after each step, and passes the values on.
 *
 * Evaluation and samples use the average, so `record` takes only values that have been through here. It stands once, before
 * `captureState`, whose copy has the average of the step.
 *
 * @example
 * ```ts
 * stepRecords.pipe(ema(state, { rate: 0.9999, compile: true }));
 * ```
 * @throws RangeError when the rate is not in [0, 1).
 * @see the reference's losses.py step_fn, `params_ema`
 */
export function ema<T extends object & BeforeAverage>(
  state: TrainState,
  { rate, rates = [], stride = 1, compile }: EmaOptions,
): OperatorFunction<T, Averaged<T>> {
  const bad = [rate, ...rates].find((one) => !(one >= 0 && one < 1));
  if (bad !== undefined) throw new RangeError(`ema: rate must lie in [0, 1), got ${bad}`);
  return (source) =>
    owning(
      () => exponentialMovingAverage({ compile }),
      (average) =>
        source.pipe(
          map((value) => {
            state.keepAverages(rates);
            state.setEma(average.update(state.ema, state.parameters, rate ** stride));
            for (const further of rates) {
              const before = averageOf(state, further);
              state.setAverage(further, average.update(before, state.parameters, further ** stride));
            }
            return value as Averaged<T>;
          }),
        ),
    );
}
