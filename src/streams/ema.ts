import { map, type Observable, type OperatorFunction } from "rxjs";
import { exponentialMovingAverage } from "../training/ema.ts";
import { averageOf, type TrainState } from "../training/train-state.ts";
import type { StepRecord } from "./adam.ts";
import { owning } from "./owning.ts";
import { requireColumns, type Misplaced } from "./places.ts";

const averaged: unique symbol = Symbol.for("scorestream.averaged");

/** A value whose step has updated the average. */
export type Averaged<T> = T & { readonly [averaged]: true };

const TWICE = "the average of this step has been moved; ema stands once";
const LATE = "the state of this step was captured; ema stands before captureState";

/** The value after `ema`; an error type where the stage must not stand. */
type AfterAverage<T> = T extends { readonly [averaged]: true }
  ? Misplaced<typeof TWICE>
  : T extends { readonly updates: number }
    ? Misplaced<typeof LATE>
    : Averaged<T>;

/** @throws RangeError when `ema` stands in a wrong place. */
function requireStep(value: StepRecord): void {
  if (averaged in value) throw new RangeError(`ema: ${TWICE}`);
  if ("updates" in value) throw new RangeError(`ema: ${LATE}`);
  if ("of" in value) throw new RangeError("ema: it takes the records of adam; put adam before it");
  requireColumns("ema", value, "learningRate");
}

/** Marks a value whose step has updated the average. */
export const asAveraged = <T extends object>(value: T): Averaged<T> => ({ ...value, [averaged]: true as const });

/** @throws RangeError when the value has not passed `ema`. */
export function requireAveraged(operator: string, value: StepRecord): void {
  if (!(averaged in value)) throw new RangeError(`${operator}: the average has not been moved; put ema before it`);
}

/** Options of {@link ema}. */
export interface EmaOptions {
  /** Decay per step, in [0, 1). */
  readonly rate: number;
  /** Decays of further averages, which the state keeps besides the main one; default: none. */
  readonly rates?: readonly number[];
  /** Steps per value, default 1; with local steps, those of a round. */
  readonly stride?: number;
  readonly compile: boolean;
}

/**
 * Updates the exponential moving average of the parameters of `state` after each step, and passes the values on.
 *
 * Evaluation and samples use the average, so `record` accepts only values that have passed this stage. Use it once,
 * before `captureState`, whose copy then includes the average of the step.
 *
 * @example
 * ```ts
 * stepRecords.pipe(ema(state, { rate: 0.9999, compile: true }));
 * ```
 * @throws RangeError when the rate is not in [0, 1); as a notification when the stage stands in a wrong place.
 * @see the reference's losses.py step_fn, `params_ema`
 */
export function ema<T extends StepRecord>(
  state: TrainState,
  { rate, rates = [], stride = 1, compile }: EmaOptions,
): OperatorFunction<T, AfterAverage<T>> {
  const bad = [rate, ...rates].find((one) => !(one >= 0 && one < 1));
  if (bad !== undefined) throw new RangeError(`ema: rate must lie in [0, 1), got ${bad}`);
  return (source) =>
    owning(
      () => exponentialMovingAverage({ compile }),
      (average) =>
        source.pipe(
          map((value): Averaged<T> => {
            requireStep(value);
            state.keepAverages(rates);
            state.setEma(average.update(state.ema, state.parameters, rate ** stride));
            for (const further of rates) {
              const before = averageOf(state, further);
              state.setAverage(further, average.update(before, state.parameters, further ** stride));
            }
            return asAveraged(value);
          }),
        ),
    ) as Observable<AfterAverage<T>>;
}
