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
  /** Once aborted, the last state is saved as that of an interrupted run. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Saves the state at regular steps, at the end and at an interruption. It also saves it when the run fails before a
 * step whose loss is not finite, or loses the nodes it trained with.
 *
 * It writes the copy that `captureState` made of the step. A value passes once its file is on the disk, so a credit
 * loop around this stage limits how far training runs ahead.
 *
 * @example
 * ```ts
 * averagedSteps.pipe(captureState(state, { every: [1000] }), checkpoint(state, store, { every: 1000 }));
 * ```
 * @returns The same values. An error of the source passes once all pending writes are on the disk. If a write fails,
 *   its error replaces the source's.
 * @throws RangeError when `every` is not a positive integer; as a notification when the stage stands twice or before
 *   `captureState`.
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
        // A failure is reported when its value's turn comes; until then it must not count as unhandled.
        void written.then(
          () => writing.delete(written),
          () => {},
        );
        return from(written);
      };
      // A file of that step is of no use any more where the state was taken over from other nodes meanwhile.
      const isSaved = () => state.step === saved && !(saved >= store.asideFrom);
      const last = defer(() =>
        isSaved() ? [] : save(signal?.aborted === true, state.snapshot()).pipe(ignoreElements()),
      );
      return concat(
        source.pipe(
          // The write begins here, before the next step, and does not wait for the write before it.
          map((value) => {
            requireCaptured("checkpoint", value.updates);
            return {
              value: once("checkpoint", value),
              written: value.updates % every === 0 ? save(false, copyOf("checkpoint", value)) : undefined,
            };
          }),
          concatMap(({ value, written }) => (written ? written.pipe(map(() => value)) : of(value))),
          catchError((error: unknown) => {
            if (error instanceof RunError && error.keepsState && !isSaved()) save(true, state.snapshot());
            // The error may say that the state was saved, so it passes only once that is true.
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
