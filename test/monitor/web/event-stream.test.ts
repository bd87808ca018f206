import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { streamFrames } from "../../../src/monitor/web/event-stream.ts";
import type { Frame } from "../../../src/monitor/web/frames.ts";
import { metric } from "../fixture.ts";

/** What a response is written to. */
class Written extends EventEmitter {
  readonly texts: string[] = [];
  head: unknown[] = [];
  closed = false;
  ended = false;
  /** Whether there is room for more. */
  room = true;
  writeHead(...head: unknown[]): void {
    this.head = head;
  }
  write(text: string): boolean {
    this.texts.push(text);
    return this.room;
  }
  end(text = ""): void {
    this.texts.push(text);
    this.ended = true;
  }
  leave(): void {
    this.closed = true;
    this.emit("close");
  }
}

const frame = (step: number): Frame => ({
  ...{ run: "run", node: "node", first: step, last: step, dropped: 0 },
  metrics: [metric(step)],
});
const text = (step: number) => `event: metrics\ndata: ${JSON.stringify(frame(step))}\n\n`;
const hello = `event: hello\ndata: {"now":"1970-01-01T00:00:01.000Z"}\n\n`;

/** Starts a stream of frames that are asked for one by one. */
function streaming(count: number, failure?: Error) {
  const response = new Written();
  const state = { asked: 0, closed: 0 };
  const frames = {
    async *[Symbol.asyncIterator]() {
      for (let step = 1; step <= count; step++) {
        state.asked++;
        yield frame(step);
      }
      if (failure) throw failure;
    },
    close: () => void state.closed++,
  };
  const over = streamFrames(response as unknown as ServerResponse, frames);
  return { response, state, over };
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("a stream of frames", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1000, toFake: ["setInterval", "clearInterval", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  it("begins with the server's time, and tells its end", async () => {
    const { response, state, over } = streaming(2);
    await over;
    expect(response.texts).toEqual([hello, text(1), text(2), "event: end\ndata: {}\n\n"]);
    expect(response.head).toMatchObject([
      200,
      {
        "Content-Type": "text/event-stream; charset=utf-8",
        "X-Accel-Buffering": "no",
        Connection: "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      },
    ]);
    expect([response.ended, state.closed > 0, vi.getTimerCount()]).toEqual([true, true, 0]);
  });

  it("tells why it failed, and ends", async () => {
    const { response, state, over } = streaming(1, new Error("EIO"));
    await over;
    expect(response.texts.at(-1)).toBe('event: failed\ndata: {"message":"EIO"}\n\n');
    expect([response.ended, state.closed > 0, vi.getTimerCount()]).toEqual([true, true, 0]);
  });

  it("asks for no frame while there is no room, and leaves no listener behind", async () => {
    const { response, state, over } = streaming(3);
    response.room = false;
    await turns();
    expect(state.asked).toBe(1);
    expect([response.listenerCount("drain"), response.listenerCount("close")]).toEqual([1, 2]);
    response.emit("drain");
    await turns();
    expect(state.asked).toBe(2);
    expect([response.listenerCount("drain"), response.listenerCount("close")]).toEqual([1, 2]);
    response.room = true;
    response.emit("drain");
    await over;
    expect(state.asked).toBe(3);
    expect([response.listenerCount("drain"), response.listenerCount("close")]).toEqual([0, 1]);
  });

  it("lets go of its source when the watcher leaves, also while it waits for room", async () => {
    const { response, state, over } = streaming(3);
    response.room = false;
    await turns();
    response.leave();
    await over;
    expect([state.asked, response.ended, vi.getTimerCount()]).toEqual([1, false, 0]);
    expect(state.closed).toBeGreaterThan(0);
    expect([response.listenerCount("drain"), response.listenerCount("close")]).toEqual([0, 1]);
  });

  it("does not wait for room that a watcher who is gone will never make", async () => {
    const { response, state, over } = streaming(3);
    response.room = false;
    response.leave();
    await over;
    expect(state.asked).toBe(1);
  });

  it("keeps a quiet connection open with a sign of life every 15 s", async () => {
    const response = new Written();
    let end = () => {};
    const frames = {
      async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void> {
        await new Promise<void>((resolve) => (end = resolve));
      },
      close: () => end(),
    };
    const over = streamFrames(response as unknown as ServerResponse, frames);
    await turns();
    vi.advanceTimersByTime(14_999);
    expect(response.texts).toEqual([hello]);
    vi.advanceTimersByTime(1);
    expect(response.texts).toEqual([hello, "event: alive\ndata: {}\n\n"]);
    response.leave();
    await over;
    vi.advanceTimersByTime(60_000);
    expect(response.texts).toHaveLength(3);
  });
});
