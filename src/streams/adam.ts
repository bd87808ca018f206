import { map, type OperatorFunction } from "rxjs";
import { createBatch, floats, type Batch } from "../data/batch.ts";
import { NonFiniteLossError } from "../base/errors.ts";
import { adamUpdate, type AdamOptions } from "../training/adam.ts";
import { learningRate, type ScheduleOptions } from "../training/schedule.ts";
import type { TrainState } from "../training/train-state.ts";
import { tf } from "../engine/tf.ts";
import type { Gradient } from "./gradient.ts";
import { owning } from "./owning.ts";

/** The state that Adam changes: parameters, moments and the number of steps taken. */
export type Steppable = Pick<TrainState, "step" | "adam" | "advance">;

/** Options of {@link adam}. */
export interface AdamStepOptions extends AdamOptions, ScheduleOptions {
  /** Steps after which the moments and their bias correction start again from zero; default: never. */
  readonly restartEvery?: number;
  /** A loss above this counts as not finite; default: no limit. */
  readonly largestLoss?: number | undefined;
}

/** One row per step; `info.step` is the 0-based step that was taken. */
export type StepRecord = Batch<"loss" | "gradNorm" | "learningRate">;

/**
 * Clips each gradient, updates `state` by Adam with the scheduled learning rate, and reports the step.
 *
 * @example
 * ```ts
 * stepGradients.pipe(adam(state, { ...context.config.optim, compile: true }));
 * ```
 * @returns `loss` (mean over the batch), `gradNorm` (before clipping) and `learningRate`, float32 [].
 * @throws RangeError as a notification, when the gradient belongs to a shard instead of a whole step.
 * @throws NonFiniteLossError as a notification, before the state changes, when the loss or the gradient is not finite,
 *   or the loss exceeds `largestLoss`.
 * @see the reference's losses.py get_step_fn, optimization_manager
 */
export function adam(state: Steppable, options: AdamStepOptions): OperatorFunction<Gradient<"step">, StepRecord> {
  const { restartEvery = Infinity, largestLoss: largest } = options;
  return (source) =>
    owning(
      () => adamUpdate(options),
      (optimizer) =>
        source.pipe(
          map(({ of, batch, values }) => {
            if (of !== "step")
              throw new RangeError("adam: it takes the gradient of a whole step; put accumulate before it");
            const losses = floats(batch, "loss").data;
            const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
            const rate = learningRate(state.step, options);
            const { state: next, norm } = optimizer.update(state.adam, values, state.step % restartEvery, rate);
            if (!Number.isFinite(loss) || !Number.isFinite(norm) || loss > (largest ?? Infinity)) {
              tf.dispose([next.parameters, next.m, next.v]);
              const value = Number.isFinite(loss) && !Number.isFinite(norm) ? norm : loss;
              throw new NonFiniteLossError(state.step, value, { largest });
            }
            state.advance(next);
            const row = (value: number) => ({ data: Float32Array.of(value), shape: [] });
            return createBatch({ loss: row(loss), gradNorm: row(norm), learningRate: row(rate) }, batch.info);
          }),
        ),
    );
}
