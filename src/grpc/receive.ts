import type { EventEmitter } from "node:events";
import { status, type ServiceError } from "@grpc/grpc-js";
import { Observable } from "rxjs";

/** The reading side of a call, of a client or a server; clients can cancel. */
export type ReadableCall = EventEmitter & { cancel?(): void };

/** An error with a status, as grpc-js takes it for the end of a call. */
export function statusError(code: status, details: string): ServiceError {
  return Object.assign(new Error(`${status[code]}: ${details}`), { code, details }) as ServiceError;
}

/** The details of a failed call, without the empty note that grpc-js puts at the end for a connection that was refused. */
export const plainDetails = (details: string): string => details.replace(/\.? *Resolution note: *$/, "");

/**
 * The values of a call: its end completes, its failure and its cancelling by the other side are errors, and
 * unsubscribing cancels it.
 *
 * @param open Begins the call, once a subscription.
 */
export function receive<T>(open: () => ReadableCall): Observable<T> {
  return new Observable((subscriber) => {
    const call = open();
    // Listeners stay after the end: grpc-js throws an error that nobody listens for, as cancelling causes.
    call.on("data", (value: T) => subscriber.next(value));
    call.on("end", () => subscriber.complete());
    call.on("error", (error: Error) => subscriber.error(error));
    call.on("cancelled", () => subscriber.error(statusError(status.CANCELLED, "the client went away")));
    return () => call.cancel?.();
  });
}
