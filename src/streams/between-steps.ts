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
import type { Looks } from "../training/checkpoints/looks.ts";
import type { Snapshot, TrainState } from "../training/train-state.ts";
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
  /**
   * The state and its checkpoints. A look that a stop or a crash cuts short is then made when the run continues. Absent:
   * such a look is lost.
   */
  readonly resume?: {
    readonly state: Pick<TrainState, "step" | "snapshot" | "restore">;
    readonly store: { readonly looks: Pick<Looks, "goOn" | "made" | "begin"> | undefined };
  };
}

/**
 * Looks at a copy of the state at regular steps. The value waits until the look ends, so a credit loop around this
 * stage limits how far training runs ahead.
 *
 * If a look fails, for example because the disk is full, a message reports it. Training continues and saves its
 * checkpoints.
 *
 * A stop cuts a look short. With `resume`, the state then goes back to the step of that look, and `checkpoint` saves it.
 * The run that continues makes the look first. After a crash, it does the same if it continues at the step of a look
 * that was not made. During a look, no state of a later step is saved, unless its write began before the look: with a
 * checkpoint at every step.
 *
 * @example
 * ```ts
 * const resume = { state, store };
 * capturedSteps.pipe(
 *   betweenSteps(look, { every: 1000, last: 250_000, meter, tell: session.tell, signal: context.signal, resume }),
 * );
 * ```
 * @param look Receives the copy that `captureState` made of the step.
 * @returns The same values.
 * @throws RangeError when `every` is not a whole number.
 */
export function betweenSteps<T extends Captured>(
  look: Look,
  { every, last, meter, tell, signal, resume }: BetweenStepsOptions,
): MonoTypeOperatorFunction<T> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`betweenSteps: every must be a whole number, got ${every}`);
  }
  const due = ({ updates }: Pick<Captured, "updates">) =>
    every > 0 && updates > 0 && updates % every === 0 && updates !== last;
  const total = every > 0 ? Math.max(0, Math.ceil(last / every) - 1) : 0;
  return (source) =>
    defer(() => {
      const looks = every > 0 ? resume?.store.looks : undefined;
      /** The state whose look a stop cut short. */
      let cut: Snapshot | undefined;
      const held = (copy: Snapshot) =>
        defer(() => {
          const goOn = meter.pause();
          const end = looks?.begin(copy);
          tell({ type: "look", begins: true });
          return defer(() => look(copy)).pipe(
            catchError((error: unknown) => {
              if (!signal?.aborted) tell({ type: "message", text: failed(copy, error) });
              return EMPTY;
            }),
            tap({
              complete: () => {
                if (signal?.aborted) cut = copy;
                else looks?.made(copy.step);
                end?.(cut !== undefined);
                goOn();
              },
              finalize: () => {
                end?.(true);
                tell({ type: "look", begins: false });
              },
            }),
            ignoreElements(),
          );
        });
      const missed = () => {
        if (!resume || !looks) return EMPTY;
        const { step } = resume.state;
        return looks.goOn(step) && step < last && due({ updates: step }) ? held(resume.state.snapshot()) : EMPTY;
      };
      // The summary of a stopped run then tells of the state that is saved.
      const putBack = () => {
        if (cut && looks && resume && resume.state.step > cut.step) resume.state.restore(cut);
      };
      tell({ type: "plan", totals: { snapshot: total } });
      const steps = source.pipe(
        map((value) => {
          requireCaptured("betweenSteps", value.updates);
          return { value, copy: due(value) ? copyOf("betweenSteps", value) : undefined };
        }),
        concatMap(({ value, copy }) => {
          if (cut) return of(value);
          // The results of the last step take the place of a look.
          if (value.updates === last) looks?.made(last);
          return copy ? concat(held(copy), of(value)) : of(value);
        }),
      );
      return concat(defer(missed), steps).pipe(tap({ complete: putBack, error: putBack }));
    });
}
