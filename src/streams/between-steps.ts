import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  map,
  of,
  tap,
  type MonoTypeOperatorFunction,
  type Observable,
} from "rxjs";
import type { Meter } from "../metrics/meter.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { Snapshot } from "../training/train-state.ts";
import { copyOf, requireCaptured, type Captured } from "./capture-state.ts";

/** Looks at a run while it trains, given the state of a step. */
export type Look = (copy: Snapshot) => Observable<unknown>;

const failed = ({ step }: Snapshot, error: unknown) =>
  `warning: the look at step ${step} failed: ${error instanceof Error ? error.message : String(error)}; training goes on`;

/** Options of {@link betweenSteps}. */
export interface BetweenStepsOptions {
  /** Steps between looks; 0: none. */
  readonly every: number;
  /** The step after which something else looks. */
  readonly last: number;
  /** Receives the time that training stood still, which its speed leaves out. */
  readonly meter: Meter;
  /** Receives when a look begins and ends, and the message about one that failed. */
  readonly tell: (event: Extract<RunEvent, { readonly type: "message" | "look" }>) => void;
  /** Once aborted, a look that ends with an error was interrupted. */
  readonly signal?: AbortSignal;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * Looks at the copy of the state every so many steps, and holds the value back meanwhile, so that a credit loop around
 * it bounds how far training runs ahead.
 *
 * A look that fails, at a full disk say, is told and ends there: training goes on, and its checkpoints are saved.
 *
 * @example
 * ```ts
 * capturedSteps.pipe(betweenSteps(look, { every: 1000, last: 250_000, meter, tell: session.tell, signal: context.signal }));
 * ```
 * @param look Given the copy that `captureState` made of the step.
 * @returns The same values.
 * @throws RangeError when `every` is not a whole number.
 */
export function betweenSteps<T extends Captured>(
  look: Look,
  { every, last, meter, tell, signal, now = () => performance.now() }: BetweenStepsOptions,
): MonoTypeOperatorFunction<T> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`betweenSteps: every must be a whole number, got ${every}`);
  }
  const due = ({ updates }: Captured) => every > 0 && updates % every === 0 && updates !== last;
  const held = (copy: Snapshot) =>
    defer(() => {
      const begun = now();
      tell({ type: "look", begins: true });
      return defer(() => look(copy)).pipe(
        catchError((error: unknown) => {
          if (!signal?.aborted) tell({ type: "message", text: failed(copy, error) });
          return EMPTY;
        }),
        tap({ complete: () => meter.hold(now() - begun), finalize: () => tell({ type: "look", begins: false }) }),
        ignoreElements(),
      );
    });
  return (source) =>
    source.pipe(
      map((value) => {
        requireCaptured("betweenSteps", value.updates);
        return { value, copy: due(value) ? copyOf("betweenSteps", value) : undefined };
      }),
      concatMap(({ value, copy }) => (copy ? concat(held(copy), of(value)) : of(value))),
    );
}
