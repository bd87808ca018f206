import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Credit } from "./credit.ts";

/** Begins to get a value that is awaited when its turn comes; until then a failure is not unhandled. */
export function begun<T>(start: () => Promise<T>): Promise<T> {
  const value = start();
  value.catch(() => {});
  return value;
}

/** A value that takes time to get. */
export interface Job<T> {
  /** Begins to get it. */
  readonly start: () => Promise<T>;
  /** Asked when its turn comes: whether to complete instead. */
  readonly ends?: () => boolean;
}

/**
 * Like `pull`, for values that take time to get: gets up to `ahead` of them while one is worked on.
 *
 * Reads that have begun go on while a stage keeps the thread busy, so that they cost a step nothing. The values come in
 * the order of their jobs. Memory is bounded by `ahead` values and the credit.
 *
 * @param ahead Jobs begun before their turn, 1 or more.
 * @throws RangeError for another `ahead`.
 */
export function pullAhead<T>(generate: () => Iterator<Job<T>, void>, ahead: number, credit?: Credit): Observable<T> {
  if (!Number.isInteger(ahead) || ahead < 1) {
    throw new RangeError(`pullAhead: ahead must be a positive integer, got ${ahead}`);
  }
  return new Observable((subscriber) => {
    const jobs = generate();
    const waiting: { readonly job: Job<T>; readonly value: Promise<T> }[] = [];
    const begin = () => {
      while (waiting.length < ahead) {
        const next = jobs.next();
        if (next.done) return;
        const job = next.value;
        waiting.push({ job, value: begun(() => job.start()) });
      }
    };
    const loop = async () => {
      begin();
      while (!subscriber.closed) {
        await credit?.take();
        await setImmediate();
        if (subscriber.closed) break;
        const first = waiting.shift();
        if (!first || first.job.ends?.()) break;
        const value = await first.value;
        if (subscriber.closed) break;
        begin();
        subscriber.next(value);
      }
    };
    loop().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => void jobs.return?.();
  });
}
