/** Who sends what to whom in a view, and what becomes of it, without a network. */
import { status, type ServiceError } from "@grpc/grpc-js";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { RunError, UsageError } from "../../../src/base/errors.ts";
import { Arriving } from "../../../src/grpc/exchange/arriving.ts";
import type { Member, GroupView } from "../../../src/exchange/messages.ts";
import { Deliveries } from "../../../src/grpc/exchange/deliveries.ts";
import { BrokenGroupError, CoordinatorLostError, isPassing, joinFailure } from "../../../src/grpc/exchange/failures.ts";
import type { Vector } from "../../../src/grpc/exchange/parcel.ts";
import type { PeerMemory } from "../../../src/grpc/exchange/shared-memory.ts";
import { rangeOf, shardsOf, turnAfter, vectorsOf } from "../../../src/grpc/exchange/shares-of-view.ts";
import { BufferPool } from "../../../src/grpc/exchange/buffer-pool.ts";
import type { Wire } from "../../../src/grpc/exchange/wire.ts";
import { statusError } from "../../../src/grpc/receive.ts";

const member = (id: number): Member => ({ id, rank: id, address: "", collectivesPort: 0 });
/** The members go by their place in the list, not by their numbers. */
const view = {
  view: 1,
  step: 0,
  members: [7, 3, 5].map(member),
  need: "NOTHING",
  source: 0,
  entering: false,
  hash: "",
} as GroupView;
const run = { shards: 8, shardSize: 4, parameters: 100, bfloat16: true };

describe("a view of three", () => {
  it("deals out shards and ranges, which begin at multiples of 16", () => {
    expect([7, 3, 5].map((id) => shardsOf(view, id, run))).toEqual([
      { first: 0, end: 2 },
      { first: 2, end: 5 },
      { first: 5, end: 8 },
    ]);
    expect([7, 3, 5].map((id) => rangeOf(view, id, run))).toEqual([
      { first: 0, end: 32 },
      { first: 32, end: 64 },
      { first: 64, end: 100 },
    ]);
  });

  it("deals out ranges of whole blocks with int8, and has every shard's own result, one by one", () => {
    const int8 = { ...run, parameters: 5 * 256 + 7, bfloat16: false, int8: true };
    expect([7, 3, 5].map((id) => rangeOf(view, id, int8))).toEqual([
      { first: 0, end: 512 },
      { first: 512, end: 1024 },
      { first: 1024, end: 1287 },
    ]);
    const about = { length: 263, bfloat16: false, int8: true };
    expect(vectorsOf(view, 3, 5, "REDUCE", int8).slice(2)).toEqual(["sum/2/0", "sum/3/0", "sum/4/0"].map((name) => ({ name, ...about }))); // prettier-ignore
    expect(vectorsOf(view, 5, 3, "GATHER", int8)).toEqual([{ name: "sum", ...about }]);
  });

  it("has each member's shards step by step, up to the last step", () => {
    expect(turnAfter(view, 3, { step: 0, shard: 2 }, run, 2)).toEqual({ step: 0, shard: 3 });
    expect(turnAfter(view, 3, { step: 0, shard: 4 }, run, 2)).toEqual({ step: 1, shard: 2 });
    expect(turnAfter(view, 3, { step: 1, shard: 3 }, run, 2)).toEqual({ step: 1, shard: 4 });
    expect(turnAfter(view, 3, { step: 1, shard: 4 }, run, 2)).toBeUndefined();
  });

  it("has the sender's subtrees of the receiver's range, with times and losses that are not rounded", () => {
    expect(vectorsOf(view, 3, 5, "REDUCE", run)).toEqual([
      { name: "t", length: 12, bfloat16: false },
      { name: "loss", length: 12, bfloat16: false },
      { name: "sum/2/1", length: 36, bfloat16: true },
      { name: "sum/4/0", length: 36, bfloat16: true },
    ]);
    expect(vectorsOf(view, 5, 3, "GATHER", { ...run, bfloat16: false })).toEqual([
      { name: "sum", length: 36, bfloat16: false },
    ]);
  });
});

describe("an arriving parcel", () => {
  const vectors = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];

  it("has its pieces where they came, but for those that were left in the sender's memory", async () => {
    const looked: number[][] = [];
    const memory = {
      view: (at: number, length: number) => (looked.push([at, length]), new Float32Array(length).fill(at)),
    };
    const arriving = new Arriving(vectors, memory as unknown as PeerMemory);
    arriving.leave(1, 2, 64);
    arriving.leave(1, 0, 32);
    expect(arriving.piece(0, { first: 1, end: 3 })).toEqual(Float32Array.of(2, 3));
    expect(arriving.piece(0, { first: 2, end: 4 })).toEqual(Float32Array.of(3, 4));
    expect(arriving.piece(1, { first: 2, end: 4 })).toEqual(Float32Array.of(64, 64));
    expect(arriving.piece(1, { first: 0, end: 1 })).toEqual(Float32Array.of(32));
    expect(looked).toEqual([
      [64, 2],
      [32, 1],
    ]);
    let read = false;
    const reading = arriving.read().then(() => (read = true));
    await new Promise(setImmediate);
    expect(read).toBe(false);
    arriving.release();
    await reading;
  });

  it("is read at once where nothing was left", async () => {
    const arriving = new Arriving(vectors);
    expect([arriving.there, arriving.complete]).toEqual([0, false]);
    await arriving.read();
  });
});

it("spare arrays come back by their length, each once", () => {
  const pool = new BufferPool();
  const [a, b, c] = [3, 3, 4].map((length) => new Float32Array(length)) as [Float32Array, Float32Array, Float32Array];
  pool.give([a, b, c]);
  expect(pool.take(4)).toBe(c);
  expect(new Set([pool.take(3), pool.take(3)])).toEqual(new Set([a, b]));
  const fresh = pool.take(3);
  expect([fresh.length, fresh === a || fresh === b]).toEqual([3, false]);
  pool.give([a]);
  pool.clear();
  expect(pool.take(3)).not.toBe(a);
});

describe("deliveries", () => {
  const vectors: Vector[] = [
    { name: "t", values: new Float32Array(10), bfloat16: false },
    { name: "sum", values: new Float32Array(7), bfloat16: true },
    // Two blocks.
    { name: "sum", values: new Float32Array(299), bfloat16: false, int8: true },
  ];
  const header = { runId: "run", view: 1, step: 2, from: 3, phase: "REDUCE" as const };

  function started() {
    const told: unknown[] = [];
    const calls: { signal: AbortSignal; resolve: () => void; reject: (error: ServiceError) => void }[] = [];
    const wire = {
      deliver: (_to: Member, _header: unknown, _vectors: unknown, signal: AbortSignal) =>
        new Promise<void>((resolve, reject) => calls.push({ signal, resolve, reject })),
    };
    const deliveries = new Deliveries({
      wire: wire as unknown as Wire,
      onFailure: (to, reason) => told.push([to.id, reason]),
      onEnd: () => told.push("end"),
    });
    const send = (id: number) => deliveries.send(member(id), header, vectors);
    return { told, calls, deliveries, send };
  }

  it("count what is open until it has ended, and the bytes since they were asked for", async () => {
    const { told, calls, deliveries, send } = started();
    const [one, two] = [send(1), send(2)];
    expect([deliveries.open, deliveries.takeBytes(), deliveries.takeBytes()]).toEqual([2, 2 * (40 + 14 + 307), 0]);
    calls[0]!.resolve();
    await one;
    expect([deliveries.open, told]).toEqual([1, ["end"]]);
    calls[1]!.reject(statusError(status.DATA_LOSS, "damaged"));
    await two;
    expect(deliveries.open).toBe(0);
    expect(told).toEqual(["end", [2, "did not take what it was sent: DATA_LOSS: damaged"], "end"]);
  });

  describe("whose connection breaks", () => {
    const broken = statusError(status.UNAVAILABLE, "connection reset");
    const again = (calls: readonly unknown[]) => vi.waitFor(() => expect(calls).toHaveLength(2));

    it("are sent again once, and blame nobody when they arrive, or had arrived before", async () => {
      for (const answer of [undefined, statusError(status.ALREADY_EXISTS, "here already")]) {
        const { told, calls, deliveries, send } = started();
        const sent = send(1);
        calls[0]!.reject(broken);
        await again(calls);
        expect([deliveries.open, told]).toEqual([1, []]);
        if (answer) calls[1]!.reject(answer);
        else calls[1]!.resolve();
        await sent;
        expect([deliveries.open, told]).toEqual([0, ["end"]]);
      }
    });

    it("blame the member when it breaks again, or when half of it is there", async () => {
      for (const answer of [broken, statusError(status.ABORTED, "still arriving")]) {
        const { told, calls, send } = started();
        const sent = send(1);
        calls[0]!.reject(broken);
        await again(calls);
        calls[1]!.reject(answer);
        await sent;
        expect([calls.length, told]).toEqual([2, [[1, `did not take what it was sent: ${answer.message}`], "end"]]);
      }
    });

    it("are not sent again when the view is over meanwhile", async () => {
      const { told, calls, deliveries, send } = started();
      const sent = send(1);
      calls[0]!.reject(broken);
      await delay(20);
      deliveries.cancel();
      await sent;
      expect([calls.length, told]).toEqual([1, ["end"]]);
    });
  });

  it("blame nobody for what came too late, or was given up", async () => {
    const { told, calls, deliveries, send } = started();
    const late = send(1);
    calls[0]!.reject(statusError(status.FAILED_PRECONDITION, "another view"));
    await late;
    const given = send(2);
    const { signal } = deliveries;
    expect(calls[1]!.signal).toBe(signal);
    deliveries.cancel();
    expect([signal.aborted, deliveries.signal.aborted, deliveries.signal === signal]).toEqual([true, false, false]);
    calls[1]!.reject(statusError(status.CANCELLED, "given up"));
    await given;
    expect([told, deliveries.open]).toEqual([["end", "end"], 0]);
    void send(3);
    expect(calls[2]!.signal.aborted).toBe(false);
  });
});

describe("how a node's part can end", () => {
  it("is told with what to do", () => {
    expect(new CoordinatorLostError("h:1", "it broke", 7).message).toBe(
      "the coordinator h:1 is gone (it broke); the state after 7 steps was saved\n  remedy: start a node with --listen " +
        "on the --workdir of the newest checkpoint and let the others --join it: the run goes on to the same result",
    );
    expect(new BrokenGroupError("one left", 7).message).toMatch(
      /^exchange\.engine=tensorflow: the run needs all its nodes, and one left; the state after 7 steps was saved\n {2}remedy: /,
    );
  });

  it.each<[keyof typeof status, boolean, string, new (...args: never[]) => Error]>([
    ["UNAUTHENTICATED", false, "--join h:1: the node requires another token", UsageError],
    ["FAILED_PRECONDITION", false, "--join h:1: refused: why", UsageError],
    ["ALREADY_EXISTS", true, "--join h:1: refused: why", RunError],
    ["UNIMPLEMENTED", false, "--join h:1: another program listens there, not a node", UsageError],
    ["UNAVAILABLE", true, "--join h:1: no node answers there (why)", RunError],
    ["DEADLINE_EXCEEDED", true, "--join h:1: no node answers there (why)", RunError],
    ["INTERNAL", false, "--join h:1: no node answers there (why)", RunError],
  ])("%s while joining", (code, passing, message, Kind) => {
    const error = statusError(status[code], "why");
    expect(isPassing(error)).toBe(passing);
    const failure = joinFailure("h:1", error);
    expect(failure).toBeInstanceOf(Kind);
    expect(failure.message.startsWith(message)).toBe(true);
  });
});
