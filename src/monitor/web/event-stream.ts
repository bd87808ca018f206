/** Server-Sent Events: metrics to one watcher. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Frame, Frames } from "./frames.ts";
import { SECURITY_HEADERS } from "./reply.ts";

/** ms between signs of life, which keep a quiet connection open; who reads finds out by them when it is not. */
const HEARTBEAT = 15_000;

/** An event as it goes over the wire. */
const eventText = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const textOf = (frame: Frame) => eventText("metrics", frame);

/** Resolves when more can be written, or nothing more ever. */
async function writable(response: ServerResponse): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]).finally(() =>
    // The other one stops listening; its error is nobody's.
    done.abort(),
  );
}

/**
 * Writes an event `hello` with the server's time, an event `metrics` for each frame, `alive` every 15 s, and `end` after the
 * last one; no faster than the watcher reads.
 *
 * @param ended False where only this server stops: then there is no `end`, and a watcher comes again.
 */
export async function streamFrames(response: ServerResponse, frames: Frames, ended = () => true): Promise<void> {
  response.on("close", () => frames.close());
  // The socket serves nothing after this: its end shall close it.
  const headers = { "Content-Type": "text/event-stream; charset=utf-8", Connection: "close" };
  // nginx would keep what comes until it has some pages of it.
  response.writeHead(200, { ...SECURITY_HEADERS, ...headers, "X-Accel-Buffering": "no" });
  response.write(eventText("hello", { now: new Date().toISOString() }));
  const heartbeat = setInterval(() => response.write(eventText("alive", {})), HEARTBEAT);
  try {
    for await (const frame of frames) {
      if (!response.write(textOf(frame)) && !response.closed) await writable(response);
      if (response.closed) return;
    }
    response.end(ended() ? eventText("end", {}) : undefined);
  } catch (error) {
    response.end(eventText("failed", { message: (error as Error).message }));
  } finally {
    clearInterval(heartbeat);
    frames.close();
  }
}
