import {
  concat,
  concatMap,
  defer,
  from,
  ignoreElements,
  map,
  of,
  throwError,
  catchError,
  type OperatorFunction,
} from "rxjs";
import { RunError } from "../base/errors.ts";
import type { CheckpointStore } from "../training/checkpoints/checkpoint-store.ts";
import type { Snapshot, TrainState } from "../training/train-state.ts";
import { copyOf, requireCaptured, type Captured } from "./capture-state.ts";
import { once, type Once } from "./places.ts";

/** Options of {@link checkpoint}. */
export interface CheckpointOptions {
  /** Steps between checkpoints. */
  readonly every: number;
  /** Once aborted, the last state counts as an interruption. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Saves the state every so many steps, at the end, at an interruption, and when the run fails: before a step whose
 * loss is not finite, or without the others that it trained with.
 *
 * The copy that `captureState` made of the step is written: values follow once their file is on the disk, so a credit
 * loop around it bounds how far training runs ahead.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(captureState(state, { every: [1000] }), checkpoint(state, store, { every: 1000 }));
 * ```
 * @returns The same values. An error of the source follows once all that is being written is on the disk; where that
 *   fails, its error comes instead.
 * @throws RangeError when `every` is no positive integer; as a notification, where it stands twice or before `captureState`.
 */
export function checkpoint<T extends Captured>(
  state: TrainState,
  store: CheckpointStore,
  { every, signal }: CheckpointOptions,
): OperatorFunction<T, Once<T, "checkpoint">> {
  if (!Number.isInteger(every) || every < 1) {
    throw new RangeError(`checkpoint: every must be a positive integer, got ${every}`);
  }
  return (source) =>
    defer(() => {
      let saved = state.step;
      const writing = new Set<Promise<unknown>>();
      const save = (interrupted: boolean, snapshot: Snapshot) => {
        saved = snapshot.step;
        const written = store.save(interrupted ? "checkpoints-meta" : "checkpoints", snapshot);
        writing.add(written);
        // A failure is told when its turn comes; until then it must not count as unhandled.
        void written.then(
          () => writing.delete(written),
          () => {},
        );
        return from(written);
      };
      const last = defer(() =>
        state.step === saved ? [] : save(signal?.aborted === true, state.snapshot()).pipe(ignoreElements()),
      );
      return concat(
        source.pipe(
          // The write begins here, in the turn of the step, not when the write before it has ended.
          map((value) => {
            requireCaptured("checkpoint", value.updates);
            return {
              value: once("checkpoint", value),
              written: value.updates % every === 0 ? save(false, copyOf("checkpoint", value)) : undefined,
            };
          }),
          concatMap(({ value, written }) => (written ? written.pipe(map(() => value)) : of(value))),
          catchError((error: unknown) => {
            if (error instanceof RunError && error.keepsState && state.step !== saved) save(true, state.snapshot());
            // The error may promise that the state was saved: it is told once that is so.
            const written = defer(() => Promise.all(writing)).pipe(ignoreElements());
            return concat(
              written,
              throwError(() => error),
            );
          }),
        ),
        last,
      );
    });
}
