import { Observable } from "rxjs";

/** The writing side of a call, of a client or a server. */
export interface WritableCall<T> {
  /** False: wait for "drain". */
  write(value: T): boolean;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** Resolves when `call` has room again, or never will. */
function drained(call: WritableCall<never>): Promise<void> {
  const events = ["drain", "close", "error", "cancelled"];
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}

/**
 * Writes values into a call, each only when the other side has taken those before it, so that what waits is bounded.
 *
 * Asks `source` for a value when there is room for it; completes after the last one, and does not end the call.
 * Unsubscribing stops, and ends `source`.
 *
 * @param onWait Told when it begins to wait for the other side, and when that goes on.
 */
export function sendAll<T>(
  call: WritableCall<T>,
  source: AsyncIterable<T>,
  onWait: (waiting: boolean) => void = () => {},
): Observable<never> {
  return new Observable((subscriber) => {
    const iterator = source[Symbol.asyncIterator]();
    const run = async () => {
      for (;;) {
        const next = await iterator.next();
        if (subscriber.closed) return;
        if (next.done) return subscriber.complete();
        if (!call.write(next.value)) {
          onWait(true);
          await drained(call);
          onWait(false);
        }
        if (subscriber.closed) return;
      }
    };
    run().catch((error: unknown) => subscriber.error(error));
    return () => void iterator.return?.();
  });
}
