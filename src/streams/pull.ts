import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Credit } from "./credit.ts";

/**
 * Emits the generator's values, one per turn of the event loop. If `credit` is given, each value takes one credit.
 *
 * Between two values, signals, timers and network calls can run. Synchronous stages after this one finish a value
 * before the next one is generated. Unsubscribing closes the generator.
 */
export function pull<T>(generate: () => Generator<T, void, void>, credit?: Credit): Observable<T> {
  return new Observable((subscriber) => {
    const values = generate();
    const loop = async () => {
      while (!subscriber.closed) {
        await credit?.take();
        await setImmediate();
        if (subscriber.closed) break;
        const next = values.next();
        if (next.done) break;
        subscriber.next(next.value);
      }
    };
    loop().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => void values.return();
  });
}
