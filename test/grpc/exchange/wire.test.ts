/** What goes from a node to another, on connections that are none. */
import { EventEmitter } from "node:events";
import { status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { tf } from "../../../src/engine/tf.ts";
import type { SentParcel } from "../../../src/grpc/exchange/definition.ts";
import type { Member, ParcelMessage, Receipt } from "../../../src/exchange/messages.ts";
import { ExchangeClient } from "../../../src/grpc/exchange/client.ts";
import { OwnWork } from "../../../src/grpc/exchange/own-work.ts";
import { ParcelStream } from "../../../src/grpc/exchange/parcel-stream.ts";
import type { Vector } from "../../../src/grpc/exchange/parcel.ts";
import { SharedMemory } from "../../../src/grpc/exchange/shared-memory.ts";
import { grpcWire } from "../../../src/grpc/exchange/wire.ts";
import { statusError } from "../../../src/grpc/receive.ts";
import type { Endpoint } from "../../../src/grpc/endpoint.ts";

const member = (id: number, address: string): Member => ({ id, rank: id, address, collectivesPort: 0 });
const header = { runId: "run", view: 1, step: 2, from: 3, phase: "REDUCE" as const };
const vectors: Vector[] = [{ name: "t", values: new Float32Array(3), bfloat16: false }];

afterEach(() => void vi.restoreAllMocks());

describe("a wire", () => {
  function started(shared = true) {
    const told: string[] = [];
    const asked: Endpoint[] = [];
    const given: number[] = [];
    const opened = { count: 0, closed: 0 };
    vi.spyOn(SharedMemory, "open").mockImplementation(() => {
      opened.count++;
      return {
        lane: (bytes: number) => ({ give: () => given.push(bytes) }),
        close: () => void opened.closed++,
      } as unknown as SharedMemory;
    });
    const made = { clients: [] as { client: ExchangeClient; lanes: unknown[]; closed: boolean }[] };
    const calls = { answer: (async () => {}) as (lane: unknown) => Promise<void> };
    const of = (client: ExchangeClient) => {
      const known = made.clients.find((one) => one.client === client);
      return known ?? made.clients[made.clients.push({ client, lanes: [], closed: false }) - 1]!;
    };
    vi.spyOn(ExchangeClient.prototype, "deliver").mockImplementation(function (this: ExchangeClient, ...[, , , lane]) {
      of(this).lanes.push(lane);
      return calls.answer(lane);
    });
    vi.spyOn(ExchangeClient.prototype, "close").mockImplementation(function (this: ExchangeClient) {
      of(this).closed = true;
    });
    const fetched = vi.spyOn(ExchangeClient.prototype, "fetch").mockResolvedValue([]);
    const coordinator = { host: "127.0.0.1", port: 5 };
    const security = (endpoint: Endpoint) => (asked.push(endpoint), {});
    const wire = grpcWire({ coordinator, security, quiet: 77, shared, tell: (text) => told.push(text) });
    const deliver = (to: Member, signal = new AbortController().signal) => wire.deliver(to, header, vectors, signal);
    return { wire, told, asked, given, opened, deliver, made, calls, fetched };
  }
  const [near, far] = [member(1, "127.0.0.1:7"), member(2, "192.0.2.1:7")];

  it("has one connection to each member, the coordinator at its own address", async () => {
    const { wire, asked, deliver, made, fetched } = started();
    await deliver(member(0, ""));
    await deliver(far);
    await deliver(far);
    const request = [{ runId: "run", what: "SUM", step: 2 }, [], new AbortController().signal, () => {}] as const;
    await wire.fetch(far, ...request);
    expect(fetched.mock.calls).toEqual([request]);
    expect(asked).toEqual([
      { host: "127.0.0.1", port: 5 },
      { host: "192.0.2.1", port: 7 },
    ]);
    expect(made.clients.map(({ lanes }) => lanes.length)).toEqual([1, 2]);
    await expect(deliver(member(9, "none"))).rejects.toThrow("expected HOST:PORT");
  });

  it("keeps connections to the members of a new view alone, and gives up its memory", async () => {
    const { wire, deliver, opened, made } = started();
    await deliver(near);
    await deliver(far);
    wire.keep([near]);
    expect(made.clients.map(({ closed }) => closed)).toEqual([false, true]);
    expect(opened).toEqual({ count: 1, closed: 1 });
    await deliver(far);
    await deliver(near);
    expect([made.clients.length, opened.count]).toEqual([3, 2]);
    wire.close();
    expect(made.clients.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(opened.closed).toBe(2);
  });

  it("gives room in memory to members of this machine alone, and takes it back once it was read", async () => {
    const { deliver, given, made } = started();
    await deliver(far);
    expect(given).toEqual([]);
    await deliver(near);
    expect(made.clients.map(({ lanes }) => lanes.map(Boolean))).toEqual([[false], [true]]);
    expect(given).toHaveLength(1);
    const without = started(false);
    await without.deliver(near);
    expect(without.made.clients[0]!.lanes).toEqual([undefined]);
  });

  it("sends messages to who cannot read its memory, told once, and keeps the room until the next view", async () => {
    const { deliver, told, given, made, calls } = started();
    calls.answer = async (lane) => {
      if (lane) throw statusError(status.UNIMPLEMENTED, "another\nuser");
    };
    await deliver(near);
    await deliver(near);
    expect(made.clients[0]!.lanes.map(Boolean)).toEqual([true, false, false]);
    const slower = "gradients go through gRPC within this machine too, which takes several times as long";
    expect([told, given]).toEqual([[`node 1 cannot read this one's memory (another user): ${slower}`], []]);
  });

  it("passes other failures on, and those of what was given up", async () => {
    const { deliver, told, made, calls } = started();
    calls.answer = () => Promise.reject(statusError(status.UNAVAILABLE, "gone"));
    await expect(deliver(near)).rejects.toThrow("UNAVAILABLE: gone");
    const stop = new AbortController();
    calls.answer = () => (stop.abort(), Promise.reject(statusError(status.UNIMPLEMENTED, "late")));
    await expect(deliver(near, stop.signal)).rejects.toThrow("UNIMPLEMENTED: late");
    expect([told, made.clients[0]!.lanes.length]).toEqual([[], 2]);
  });

  it("goes without memory where there is none, told once", async () => {
    const { deliver, told, made } = started();
    const open = vi.spyOn(SharedMemory, "open").mockImplementation(() => {
      throw new Error("ENOSPC");
    });
    await deliver(near);
    await deliver(near);
    expect([told.length, made.clients[0]!.lanes, open.mock.calls.length]).toEqual([1, [undefined, undefined], 1]);
    expect(told[0]).toMatch(/^warning: no memory to share \(ENOSPC\): gradients go through gRPC/);
  });
});

describe("parcels in one call", () => {
  class Call extends EventEmitter {
    readonly written: unknown[] = [];
    cancelled = 0;
    room = true;
    write(message: unknown): boolean {
      this.written.push(message);
      return this.room;
    }
    cancel(): void {
      this.cancelled++;
    }
  }
  const turns = () => new Promise((resolve) => setImmediate(resolve));
  async function* messages(...steps: number[]): AsyncGenerator<SentParcel> {
    for (const step of steps) yield { shared: { vector: step, offset: 0, at: 0, pieces: 1 } };
  }
  function started() {
    const call = new Call();
    let ends = 0;
    const stream = new ParcelStream(call as unknown as ClientDuplexStream<ParcelMessage, Receipt>, () => ends++);
    const sent = () => call.written.map((message) => (message as ParcelMessage).shared!.vector);
    return { call, stream, sent, ends: () => ends };
  }

  it("go one after another, each whole, and resolve each by its receipt", async () => {
    const { call, stream, sent } = started();
    call.room = false;
    const taken: number[] = [];
    const [one, two] = [messages(1, 2), messages(3)].map((parcel, i) => stream.deliver(parcel).then(() => taken.push(i))); // prettier-ignore
    await turns();
    expect(sent()).toEqual([1]);
    call.room = true;
    call.emit("drain");
    await turns();
    expect(sent()).toEqual([1, 2, 3]);
    call.emit("data", { parcels: 1 });
    await one;
    expect(taken).toEqual([0]);
    call.emit("data", { parcels: 1 });
    await two;
    expect(taken).toEqual([0, 1]);
  });

  it.each<[string, unknown, string]>([
    ["error", statusError(status.INTERNAL, "broken"), "INTERNAL: broken"],
    ["end", undefined, "UNAVAILABLE: the other node ended the call"],
  ])("all fail with the call on %s, also those that come later, told once", async (event, value, message) => {
    const { call, stream, sent, ends } = started();
    call.room = false;
    const failures: string[] = [];
    const deliver = (parcel: AsyncGenerator<SentParcel>) =>
      stream.deliver(parcel).catch((error: ServiceError) => failures.push(error.message));
    const all = [deliver(messages(1, 2)), deliver(messages(3))];
    await turns();
    call.emit(event, value);
    call.emit("end");
    await Promise.all([...all, deliver(messages(4))]);
    expect(failures).toEqual([message, message, message]);
    call.emit("drain");
    await turns();
    expect([sent(), ends()]).toEqual([[1], 1]);
  });

  it("cancel the call where one cannot be made", async () => {
    const { call, stream } = started();
    async function* failing(): AsyncGenerator<SentParcel> {
      throw new Error("not finite");
    }
    void stream.deliver(failing()).catch(() => {});
    await turns();
    expect(call.cancelled).toBe(1);
    stream.cancel();
    expect(call.cancelled).toBe(2);
  });
});

describe("own work", () => {
  const gradient = (shard: number) => {
    const values = tf.tensor1d([shard, 2 * shard]);
    const [t, loss] = [Float32Array.of(shard), Float32Array.of(10 * shard)];
    return { step: 0, shard, values, t, loss };
  };

  it("is summed as the tree goes, its losses in the order of the shards, and gives everything back", () => {
    const before = tf.memory().numTensors;
    const work = new OwnWork();
    for (const shard of [3, 1, 2, 0]) {
      const one = gradient(shard);
      work.add(one);
      one.values.dispose();
    }
    expect(work.missing({ first: 0, end: 5 })).toEqual([4]);
    const { sums, t, loss, takeBack } = work.lend();
    expect(sums.map(({ subtree, value }) => [subtree, Array.from(value)])).toEqual([[{ first: 0, level: 2 }, [6, 12]]]);
    expect([t, loss]).toEqual([Float32Array.of(0, 1, 2, 3), Float32Array.of(0, 10, 20, 30)]);
    takeBack();
    work.clear();
    expect([tf.memory().numTensors, work.missing({ first: 0, end: 2 })]).toEqual([before, [0, 1]]);
  });

  it("keeps what is of use for other shards, sums and losses", () => {
    const before = tf.memory().numTensors;
    const work = new OwnWork();
    for (const shard of [1, 2, 4]) {
      const one = gradient(shard);
      work.add(one);
      one.values.dispose();
    }
    expect(work.missing({ first: 2, end: 4 })).toEqual([3]);
    const { sums, t, loss } = work.tensors();
    expect(sums.map(({ subtree }) => subtree)).toEqual([{ first: 2, level: 0 }]);
    expect([t, loss]).toEqual([Float32Array.of(2), Float32Array.of(20)]);
    work.clear();
    expect(tf.memory().numTensors).toBe(before);
  });
});
