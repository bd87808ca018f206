/** Both sides of a call, on calls that are none. */
import { EventEmitter } from "node:events";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { sanitizeText } from "../../src/base/sanitize-text.ts";
import { messagesOf } from "../../src/grpc/messages.ts";
import { andMore } from "../../src/base/lists.ts";
import { FlightClient } from "../../src/grpc/flight/client.ts";
import { freePort } from "../../src/grpc/free-port.ts";
import { plainDetails, receive, statusError } from "../../src/grpc/receive.ts";
import { sendAll } from "../../src/grpc/send.ts";

class Call extends EventEmitter {
  readonly written: number[] = [];
  readonly waiting: number[] = [];
  cancelled = 0;
  /** Values that fit. */
  room = Infinity;
  write(value: number): boolean {
    this.written.push(value);
    return this.written.length < this.room;
  }
  read(): number | null {
    return this.waiting.shift() ?? null;
  }
  cancel(): void {
    this.cancelled++;
  }
}

const turns = () => new Promise((resolve) => setImmediate(resolve));
const listeners = (call: Call) => ["drain", "close", "error", "cancelled"].map((name) => call.listenerCount(name));

describe("receive", () => {
  function receiving() {
    const calls: Call[] = [];
    const told: unknown[] = [];
    const values = receive<number>(() => calls[calls.push(new Call()) - 1]!);
    const start = () =>
      values.subscribe({
        next: (value) => told.push(value),
        error: (error: Error) => told.push(error.message),
        complete: () => told.push("complete"),
      });
    return { calls, told, start };
  }

  it("begins a call a subscription, passes values on and completes at its end", () => {
    const { calls, told, start } = receiving();
    expect(calls).toHaveLength(0);
    start();
    start();
    expect(calls).toHaveLength(2);
    calls[0]!.emit("data", 1);
    calls[0]!.emit("data", 2);
    calls[0]!.emit("end");
    expect(told).toEqual([1, 2, "complete"]);
  });

  it.each([
    ["error", new Error("broken"), "broken"],
    ["cancelled", undefined, "CANCELLED: the client went away"],
  ])("ends with an error on %s", (event, value, message) => {
    const { calls, told, start } = receiving();
    start();
    calls[0]!.emit(event, value);
    calls[0]!.emit("data", 1);
    expect(told).toEqual([message]);
  });

  it("cancels when nobody wants it any more, and takes the error that this causes", () => {
    const { calls, told, start } = receiving();
    start().unsubscribe();
    expect(calls[0]!.cancelled).toBe(1);
    calls[0]!.emit("error", new Error("cancelled"));
    calls[0]!.emit("data", 1);
    expect(told).toEqual([]);
  });

  it("has errors with their status and what they say", () => {
    const error = statusError(status.NOT_FOUND, "no such run");
    expect([error.message, error.code, error.details]).toEqual(["NOT_FOUND: no such run", 5, "no such run"]);
  });
});

describe("send", () => {
  /** A source of 1, 2 ..., told of what is asked and of its end. */
  function source(count: number, failure?: Error) {
    const state = { asked: 0, ended: false };
    async function* values() {
      try {
        for (let value = 1; value <= count; value++) {
          state.asked++;
          yield value;
        }
        if (failure) throw failure;
      } finally {
        state.ended = true;
      }
    }
    return { state, values: values() };
  }

  function sending(call: Call, values: AsyncIterable<number>) {
    const told: string[] = [];
    const subscription = sendAll(call, values).subscribe({
      error: (error: Error) => told.push(error.message),
      complete: () => told.push("complete"),
    });
    return { told, subscription };
  }

  it("writes all in order and completes", async () => {
    const [call, { state, values }] = [new Call(), source(3)];
    const { told } = sending(call, values);
    await turns();
    expect([call.written, told, state.ended]).toEqual([[1, 2, 3], ["complete"], true]);
    expect(listeners(call)).toEqual([0, 0, 0, 0]);
  });

  it("asks for a value only when there is room for it, and keeps no listener", async () => {
    const [call, { state, values }] = [new Call(), source(4)];
    call.room = 2;
    const { told } = sending(call, values);
    await turns();
    expect([call.written, state.asked, listeners(call)]).toEqual([[1, 2], 2, [1, 1, 1, 1]]);
    call.room = 3;
    call.emit("drain");
    await turns();
    expect([call.written, state.asked, listeners(call)]).toEqual([[1, 2, 3], 3, [1, 1, 1, 1]]);
    call.room = Infinity;
    call.emit("drain");
    await turns();
    expect([call.written, told, listeners(call)]).toEqual([[1, 2, 3, 4], ["complete"], [0, 0, 0, 0]]);
  });

  it.each(["close", "error", "cancelled"])("waits no longer after %s, which makes no room", async (event) => {
    const [call, { state, values }] = [new Call(), source(2)];
    call.room = 1;
    sending(call, values);
    await turns();
    call.emit(event);
    await turns();
    expect([state.asked, listeners(call)]).toEqual([2, [1, 1, 1, 1]]);
  });

  it("ends its source when nobody wants it any more, also while it waits", async () => {
    const [call, { state, values }] = [new Call(), source(9)];
    call.room = 1;
    const { told, subscription } = sending(call, values);
    await turns();
    subscription.unsubscribe();
    await turns();
    expect(state.ended).toBe(true);
    call.emit("drain");
    await turns();
    expect([call.written, told]).toEqual([[1], []]);
  });

  it("writes nothing that comes once nobody wants it any more", async () => {
    const call = new Call();
    let give: (value: IteratorResult<number>) => void = () => {};
    const next = () => new Promise<IteratorResult<number>>((resolve) => (give = resolve));
    const { subscription } = sending(call, { [Symbol.asyncIterator]: () => ({ next }) });
    subscription.unsubscribe();
    give({ value: 1, done: false });
    await turns();
    expect(call.written).toEqual([]);
  });

  it("passes on that its source failed", async () => {
    const { told } = sending(new Call(), source(1, new Error("EIO")).values);
    await turns();
    expect(told).toEqual(["EIO"]);
  });
});

describe("messages of a call", () => {
  it("come as they are asked for, those that are there at once", async () => {
    const call = new Call();
    const messages = messagesOf<number>(call);
    call.waiting.push(1, 2);
    expect(await messages.next()).toEqual({ done: false, value: 1 });
    expect(call.waiting).toEqual([2]);
    await messages.next();
    const third = messages.next();
    call.emit("readable");
    await turns();
    call.waiting.push(3);
    call.emit("readable");
    expect(await third).toEqual({ done: false, value: 3 });
  });

  it("end with the call, after what is there", async () => {
    const call = new Call();
    const messages = messagesOf<number>(call);
    const first = messages.next();
    call.waiting.push(1);
    call.emit("end");
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    // What comes after the end changes nothing.
    call.emit("error", new Error("late"));
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(call.cancelled).toBe(0);
  });

  it.each([
    ["error", new Error("broken"), "broken"],
    ["cancelled", undefined, "CANCELLED: the client went away"],
  ])("fail with the call on %s, before what is there", async (event, value, message) => {
    const call = new Call();
    const messages = messagesOf<number>(call);
    const first = messages.next();
    call.waiting.push(1);
    call.emit(event, value);
    await expect(first).rejects.toThrow(message);
    await expect(messages.next()).rejects.toThrow(message);
  });
});

describe("what others say", () => {
  it("is one line without control characters", () => {
    expect(sanitizeText("a\r\n\t b\u001b[31m\u202ec\ue000d")).toBe("a b\ufffd[31m\ufffdc\ufffdd");
  });

  it("is cut at its bound, with its length", () => {
    expect(sanitizeText("x".repeat(500))).toBe("x".repeat(500));
    expect(sanitizeText("x".repeat(501))).toBe(`${"x".repeat(500)}... (501 characters)`);
    expect(sanitizeText("abcdef", 3)).toBe("abc... (6 characters)");
  });

  it("is told with the number of those left out, if there are any", () => {
    expect([andMore(0, "calls"), andMore(3, "calls"), andMore(1)]).toEqual([
      "",
      " (and 3 more calls)",
      " (and 1 more)",
    ]);
  });
});

it("a connection that is refused is told without an empty note at the end", async () => {
  const { port, release } = await freePort();
  await release();
  const client = new FlightClient({ host: "127.0.0.1", port });
  onTestFinished(() => client.close());
  await expect(client.list()).rejects.toThrow(new RegExp(`UNAVAILABLE: .*ECONNREFUSED 127\\.0\\.0\\.1:${port}$`));
  expect(plainDetails("Resolution note: no such name")).toBe("Resolution note: no such name");
});
