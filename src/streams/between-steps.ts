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

export interface BetweenStepsOptions {
  /** Optimizer steps behind a value that passes. */
  readonly step: () => number;
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
 * Looks at the state every so many steps, and holds the value back meanwhile, so that a credit loop around it bounds how
 * far training runs ahead.
 *
 * @param look Called in the turn of the step; what it needs of the state it copies then.
 * @returns The same values. An error of a look is one of the stream.
 * @throws RangeError when `every` is not a whole number.
 */
export function betweenSteps<T>(
  look: () => Observable<unknown>,
  { step, every, last, meter, now = () => performance.now() }: BetweenStepsOptions,
): MonoTypeOperatorFunction<T> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`betweenSteps: every must be a whole number, got ${every}`);
  }
  const due = () => every > 0 && step() % every === 0 && step() !== last;
  const held = (looking: Observable<unknown>) =>
    defer(() => {
      const begun = now();
      return looking.pipe(tap({ complete: () => meter.hold(now() - begun) }), ignoreElements());
    });
  return (source) =>
    source.pipe(
      map((value) => ({ value, looking: due() ? look() : undefined })),
      concatMap(({ value, looking }) => (looking ? concat(held(looking), of(value)) : of(value))),
    );
}
