/** Pauses between network calls, so that timers, signals and other work of the process get their turn. */
import { setImmediate } from "node:timers/promises";

/**
 * Lets the event loop turn once.
 *
 * @throws The signal's reason once it is aborted.
 */
export async function turn(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await setImmediate();
  signal?.throwIfAborted();
}
