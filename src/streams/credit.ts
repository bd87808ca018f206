import { defer, tap, type MonoTypeOperatorFunction, type Observable } from "rxjs";

/** Permission to emit, held by a source and given back by the end of the loop. */
export interface Credit {
  /** Resolves when one more value may be emitted, and takes the permission. */
  take(): Promise<void>;
  /** Gives permissions back for every value that passes: as many as values of the source became one here, default 1. */
  refund<T>(count?: number): MonoTypeOperatorFunction<T>;
}

/**
 * A window of `size` values that may be on their way at once.
 *
 * RxJS pushes without asking: a fast source ahead of a stage that waits fills memory. A source that takes a credit
 * before each value, refunded at the end of the loop, runs at most `size` values ahead, so the slow stage sets the pace.
 *
 * @throws RangeError when `size` is not a positive integer.
 */
export function credit(size: number): Credit {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`credit: size must be a positive integer, got ${size}`);
  let free = size;
  const waiting: (() => void)[] = [];
  return {
    take() {
      if (free > 0) {
        free--;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    refund: (count = 1) =>
      tap(() => {
        for (let i = 0; i < count; i++) {
          const next = waiting.shift();
          if (next) next();
          else free++;
        }
      }),
  };
}

/** Builds a loop around a new {@link Credit} for every subscription. @throws RangeError as {@link credit}. */
export function withCredit<T>(size: number, build: (credit: Credit) => Observable<T>): Observable<T> {
  credit(size);
  return defer(() => build(credit(size)));
}
