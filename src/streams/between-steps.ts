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

/** Inspects a run while it trains, given the state of a step. */
export type Look = (copy: Snapshot) => Observable<unknown>;

const failed = ({ step }: Snapshot, error: unknown) =>
  `warning: the look at step ${step} failed: ${error instanceof Error ? error.message : String(error)}; training goes on`;

/** Options of {@link betweenSteps}. */
export interface BetweenStepsOptions {
  /** Steps between two looks; 0: never look. */
  readonly every: number;
  /** The last step; another stage looks after it. */
  readonly last: number;
  /** Learns when training pauses, because its speed does not count that time. */
  readonly meter: Meter;
  /** Receives the number of looks at the start, an event when one begins and ends, and a message when it fails. */
  readonly tell: (event: Extract<RunEvent, { readonly type: "message" | "look" | "plan" }>) => void;
  /** Once aborted, an error of a look counts as an interruption and is not reported. */
  readonly signal?: AbortSignal;
}

/**
 * Looks at a copy of the state at regular steps. The value waits until the look ends, so a credit loop around this
 * stage limits how far training runs ahead.
 *
 * If a look fails, for example because the disk is full, a message reports it. Training continues and saves its
 * checkpoints.
 *
 * @example
 * ```ts
 * capturedSteps.pipe(betweenSteps(look, { every: 1000, last: 250_000, meter, tell: session.tell, signal: context.signal }));
 * ```
 * @param look Receives the copy that `captureState` made of the step.
 * @returns The same values.
 * @throws RangeError when `every` is not a whole number.
 */
export function betweenSteps<T extends Captured>(
  look: Look,
  { every, last, meter, tell, signal }: BetweenStepsOptions,
): MonoTypeOperatorFunction<T> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`betweenSteps: every must be a whole number, got ${every}`);
  }
  const due = ({ updates }: Captured) => every > 0 && updates % every === 0 && updates !== last;
  const held = (copy: Snapshot) =>
    defer(() => {
      const resume = meter.pause();
      tell({ type: "look", begins: true });
      return defer(() => look(copy)).pipe(
        catchError((error: unknown) => {
          if (!signal?.aborted) tell({ type: "message", text: failed(copy, error) });
          return EMPTY;
        }),
        tap({ complete: resume, finalize: () => tell({ type: "look", begins: false }) }),
        ignoreElements(),
      );
    });
  const total = every > 0 ? Math.max(0, Math.ceil(last / every) - 1) : 0;
  return (source) =>
    defer(() => {
      tell({ type: "plan", totals: { snapshot: total } });
      return source.pipe(
        map((value) => {
          requireCaptured("betweenSteps", value.updates);
          return { value, copy: due(value) ? copyOf("betweenSteps", value) : undefined };
        }),
        concatMap(({ value, copy }) => (copy ? concat(held(copy), of(value)) : of(value))),
      );
    });
}
