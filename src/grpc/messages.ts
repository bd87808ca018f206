import { status } from "@grpc/grpc-js";
import { statusError, type ReadableCall } from "./receive.ts";

/**
 * The messages of a call, read as they are asked for; other than its own iterator it leaves the call open at the end, for
 * answers.
 *
 * @returns `next` throws what ended the call badly.
 */
export function messagesOf<T>(call: ReadableCall & { read(): T | null }): AsyncIterator<T, undefined> {
  let over: { readonly error: Error | undefined } | undefined;
  let wake = () => {};
  const end = (error?: Error) => {
    over ??= { error };
    wake();
  };
  call.on("readable", () => wake());
  call.on("end", () => end());
  call.on("error", end);
  call.on("cancelled", () => end(statusError(status.CANCELLED, "the client went away")));
  return {
    async next() {
      for (;;) {
        if (over?.error) throw over.error;
        const value = call.read();
        if (value !== null) return { done: false, value };
        if (over) return { done: true, value: undefined };
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
