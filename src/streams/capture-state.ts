import { map, type OperatorFunction } from "rxjs";
import type { Snapshot, TrainState } from "../training/train-state.ts";
import type { Misplaced } from "./places.ts";

/** A value with the step behind it and, at some steps, a copy of the state of that step. */
export type Captured<T = unknown> = T & {
  /** Optimizer steps behind the value. */
  readonly updates: number;
  /** The state after them, in host memory. */
  readonly copy?: Snapshot;
};

const TWICE = "the state was captured before; captureState stands once";

/** The value behind `captureState`, where it may stand there. */
type AfterCapture<T> = T extends { readonly updates: number } ? Misplaced<typeof TWICE> : Captured<T>;

/**
 * Copies the state at the steps that later stages look at, in the turn of the step, and hands the copy on with the value.
 *
 * A stage that waits, for the disk say, lets training run on: a stage behind it that read the state would see a later
 * step. So `checkpoint` and `betweenSteps` act on the copy that passes.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(
 *   captureState(state, { every: [1000, 400] }),
 *   checkpoint(state, store, { every: 1000 }),
 *   betweenSteps(look, { every: 400, last: 250_000, meter, tell: session.tell, signal: context.signal }),
 * );
 * ```
 * @param every Steps between copies, a number for each stage that looks; 0: none for it.
 * @throws RangeError when one is not a whole number; as a notification, where it stands twice.
 */
export function captureState<T extends object>(
  state: TrainState,
  { every }: { readonly every: readonly number[] },
): OperatorFunction<T, AfterCapture<T>> {
  const bad = every.find((steps) => !Number.isInteger(steps) || steps < 0);
  if (bad !== undefined) throw new RangeError(`captureState: every must be whole numbers, got ${bad}`);
  return map((value) => {
    if ("updates" in value) throw new RangeError(`captureState: ${TWICE}`);
    const updates = state.step;
    const due = every.some((steps) => steps > 0 && updates % steps === 0);
    return { ...value, updates, ...(due && { copy: state.snapshot() }) } as AfterCapture<T>;
  });
}

/** @throws RangeError when the value did not pass `captureState`. */
export function requireCaptured(operator: string, updates: number | undefined): void {
  if (updates === undefined) throw new RangeError(`${operator}: no state was captured; put captureState before it`);
}

/** The copy of a step. @throws RangeError when none was made: `captureState` was given other steps. */
export function copyOf(operator: string, { updates, copy }: Captured): Snapshot {
  if (copy) return copy;
  requireCaptured(operator, updates);
  throw new RangeError(`${operator}: no copy of step ${updates} passes; give captureState the same \`every\``);
}
