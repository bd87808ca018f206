import { map, type OperatorFunction } from "rxjs";
import type { Snapshot, TrainState } from "../training/train-state.ts";
import type { Misplaced } from "./places.ts";

/** A value with the number of steps taken and, at some steps, a copy of the state. */
export type Captured<T = unknown> = T & {
  /** Optimizer steps taken when the value was emitted. */
  readonly updates: number;
  /** When the last of these steps ended, by `performance.now()`: later stages may hold the value back. */
  readonly endedAt?: number;
  /** The state after these steps, in host memory. */
  readonly copy?: Snapshot;
};

const TWICE = "the state was captured before; captureState stands once";

/** The value after `captureState`; an error type where the stage must not stand. */
type AfterCapture<T> = T extends { readonly updates: number } ? Misplaced<typeof TWICE> : Captured<T>;

/**
 * Copies the state at the steps that later stages need. It copies before the next step begins, and passes the copy on
 * with the value.
 *
 * While a stage waits, for example for the disk, training continues. A later stage that read the state itself would see
 * a later step. `checkpoint` and `betweenSteps` therefore use the copy.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(
 *   captureState(state, { every: [1000, 400] }),
 *   checkpoint(state, store, { every: 1000 }),
 *   betweenSteps(look, { every: 400, last: 250_000, meter, tell: session.tell, signal: context.signal }),
 * );
 * ```
 * @param every Steps between copies, one number for each stage that needs them; 0: no copies for that stage.
 * @param now Milliseconds.
 * @throws RangeError when a number is not whole; as a notification when the stage stands twice.
 */
export function captureState<T extends object>(
  state: TrainState,
  { every, now = () => performance.now() }: { readonly every: readonly number[]; readonly now?: () => number },
): OperatorFunction<T, AfterCapture<T>> {
  const bad = every.find((steps) => !Number.isInteger(steps) || steps < 0);
  if (bad !== undefined) throw new RangeError(`captureState: every must be whole numbers, got ${bad}`);
  return map((value) => {
    if ("updates" in value) throw new RangeError(`captureState: ${TWICE}`);
    const updates = state.step;
    const due = every.some((steps) => steps > 0 && updates % steps === 0);
    return { ...value, updates, endedAt: now(), ...(due && { copy: state.snapshot() }) } as AfterCapture<T>;
  });
}

/** @throws RangeError when the value has not passed `captureState`. */
export function requireCaptured(operator: string, updates: number | undefined): void {
  if (updates === undefined) throw new RangeError(`${operator}: no state was captured; put captureState before it`);
}

/** Returns the copy of a step. @throws RangeError when there is none, because `captureState` was given other steps. */
export function copyOf(operator: string, { updates, copy }: Captured): Snapshot {
  if (copy) return copy;
  requireCaptured(operator, updates);
  throw new RangeError(`${operator}: no copy of step ${updates} passes; give captureState the same \`every\``);
}
