import { defer, Observable, tap, type OperatorFunction } from "rxjs";
import type { Meter } from "../metrics/meter.ts";

/** Gives an operator a name, under which its rate, queue and time are measured. */
export type Stage = <A, B>(name: string, operator: OperatorFunction<A, B>, per?: number) => OperatorFunction<A, B>;

/** Leaves the operator unchanged, without measurements. */
export const unnamed: Stage = (_name, operator) => operator;

/**
 * Names the stages of a pipeline for `meter`.
 *
 * A stage behaves like its operator: values, order, errors, completion and unsubscription pass unchanged, in the same
 * turn of the event loop. It adds three readings of the clock per batch. The metrics are
 * `stage/<name>/batches_per_second`, `queue` and `seconds`.
 *
 * @example
 * ```ts
 * const stage = stagesOf(meter);
 * imageBatches.pipe(stage("flip", flip({ seed: 1 })));
 * ```
 * @returns A function of the name, the operator and the number of batches that it combines into one, default 1.
 * @throws RangeError from that function, for a name with "/" or a `per` that is not a positive integer.
 */
export function stagesOf(meter: Meter): Stage {
  return <A, B>(name: string, operator: OperatorFunction<A, B>, per = 1): OperatorFunction<A, B> => {
    if (name === "" || name.includes("/")) throw new RangeError(`stage: a name is one word without "/", got "${name}"`);
    if (!Number.isInteger(per) || per < 1) throw new RangeError(`stage: per must be a positive integer, got ${per}`);
    meter.place(name);
    return (source) =>
      defer(() => {
        const clock = meter.stage(name, per);
        const output = source.pipe(
          tap(() => clock.enter()),
          operator,
        );
        return new Observable<B>((subscriber) =>
          output.subscribe({
            next(value) {
              clock.leave();
              subscriber.next(value);
              clock.taken();
            },
            error: (error: unknown) => subscriber.error(error),
            complete: () => subscriber.complete(),
          }),
        );
      });
  };
}
