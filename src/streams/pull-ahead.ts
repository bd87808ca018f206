import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Credit } from "./credit.ts";

/** Starts to fetch a value that is awaited later. A failure does not count as unhandled until then. */
export function begun<T>(start: () => Promise<T>): Promise<T> {
  const value = start();
  value.catch(() => {});
  return value;
}

/** A value that takes time to fetch. */
export interface Job<T> {
  /** Starts to fetch it. */
  readonly start: () => Promise<T>;
  /** Called when its turn comes; true completes the stream instead. */
  readonly ends?: () => boolean;
}

/**
 * Works like `pull`, for values that take time: fetches up to `ahead` of them while another one is processed.
 *
 * Reads that have begun continue while a stage keeps the thread busy, so they do not slow down a step. The values come
 * in the order of their jobs. `ahead` and the credit limit the memory.
 *
 * @param ahead Jobs that are started before their turn, 1 or more.
 * @throws RangeError when `ahead` is out of range.
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
