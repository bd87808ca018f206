import { map, type OperatorFunction } from "rxjs";
import { floats } from "../data/batch.ts";
import { nextWindow, type LogSteps } from "../training/loss-window.ts";
import type { TrainState } from "../training/train-state.ts";
import type { StepRecord } from "./adam.ts";
import { once, type Once } from "./places.ts";

/**
 * Sums the loss and the norm of the gradient over the steps since the last log step. The state holds the sums, and its
 * copies and checkpoints include them. A resumed run therefore reports the same means as an uninterrupted one.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(
 *   sumWindow(state, { steps: 250_000, every: 100 }),
 *   captureState(state, { every: [1000] }),
 *   checkpoint(state, store, { every: 1000 }),
 *   record({ steps: 250_000, every: 100, batchSize: 128, window: state.window }),
 * );
 * ```
 * @returns The same values.
 * @throws RangeError as a notification, when the stage stands twice or after `captureState`.
 */
export function sumWindow<T extends StepRecord>(
  state: Pick<TrainState, "step" | "window">,
  log: LogSteps,
): OperatorFunction<T, Once<T, "sumWindow">> {
  const value = (row: T, name: "loss" | "gradNorm" | "learningRate") => floats(row, name).data[0]!;
  return map((row) => {
    const summed = once("sumWindow", row);
    if ("updates" in row)
      throw new RangeError("sumWindow: the copy of the state lacks this step; put it before captureState");
    const [loss, gradNorm, learningRate] = [value(row, "loss"), value(row, "gradNorm"), value(row, "learningRate")];
    state.window = nextWindow(state.window, { step: state.step, loss, gradNorm, learningRate }, log);
    return summed;
  });
}
