import { Observable } from "rxjs";
import { setImmediate } from "node:timers/promises";
import type { Credit } from "./credit.ts";

/**
 * Emits what the generator yields, one value per turn of the event loop, each against a credit where one is given.
 *
 * Between values signals, timers and network calls get their turn; a chain of synchronous stages behind it finishes a
 * value before the next is made. Unsubscribing closes the generator.
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
