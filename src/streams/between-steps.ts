import {
  concat,
  concatMap,
  defer,
  ignoreElements,
  map,
  of,
  tap,
  type MonoTypeOperatorFunction,
  type Observable,
} from "rxjs";
import type { Meter } from "../metrics/meter.ts";
import type { Snapshot } from "../training/train-state.ts";
import { copyOf, type Captured } from "./capture-state.ts";

/** Looks at a run while it trains, given the state of a step. */
export type Look = (copy: Snapshot) => Observable<unknown>;

export interface BetweenStepsOptions {
  /** Steps between looks; 0: none. */
  readonly every: number;
  /** The step after which something else looks. */
  readonly last: number;
  /** Told the time that training stood still, which its speed leaves out. */
  readonly meter: Meter;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * Looks at the copy of the state every so many steps, and holds the value back meanwhile, so that a credit loop around it bounds how
 * far training runs ahead.
 *
 * @param look Given the copy that `captureState` made of the step.
 * @returns The same values. An error of a look is one of the stream.
 * @throws RangeError when `every` is not a whole number.
 */
export function betweenSteps<T extends Captured>(
  look: Look,
  { every, last, meter, now = () => performance.now() }: BetweenStepsOptions,
): MonoTypeOperatorFunction<T> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`betweenSteps: every must be a whole number, got ${every}`);
  }
  const due = ({ updates }: Captured) => every > 0 && updates % every === 0 && updates !== last;
  const held = (looking: Observable<unknown>) =>
    defer(() => {
      const begun = now();
      return looking.pipe(tap({ complete: () => meter.hold(now() - begun) }), ignoreElements());
    });
  return (source) =>
    source.pipe(
      map((value) => ({ value, looking: due(value) ? look(copyOf("betweenSteps", value)) : undefined })),
      concatMap(({ value, looking }) => (looking ? concat(held(looking), of(value)) : of(value))),
    );
}
