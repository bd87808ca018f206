/** The parcels that a node takes, lets wait and refuses, without a network. */
import { describe, expect, it, vi } from "vitest";
import { Bell } from "../../../src/base/bell.ts";
import type { Place } from "../../../src/exchange/admission.ts";
import { BufferPool } from "../../../src/grpc/exchange/buffer-pool.ts";
import { exchangeService } from "../../../src/grpc/exchange/definition.ts";
import { Inbox } from "../../../src/grpc/exchange/inbox.ts";
import type { GroupView, Header, ParcelMessage } from "../../../src/exchange/messages.ts";
import { parcel } from "../../../src/grpc/exchange/parcel.ts";
import { vectorsOf } from "../../../src/grpc/exchange/shares-of-view.ts";

const { requestSerialize, requestDeserialize } = exchangeService.Deliver;
const run = { shards: 2, shardSize: 2, parameters: 32, bfloat16: false };
const view = {
  ...{ view: 3, step: 5, need: "NOTHING", source: 0, entering: false, hash: "" },
  members: [1, 2].map((id) => ({ id, rank: id - 1, address: "", collectivesPort: 0 })),
} as GroupView;
const never = new AbortController().signal;

/** The inbox of member 1 at step 5 of the view, and how parcels from member 2 fare. */
function started(waiting = 2) {
  const now: { -readonly [K in keyof Place]: Place[K] } = { view, viewNumber: 3, step: 5, settled: true };
  const [moved, news] = [new Bell(), { count: 0 }];
  const own = { runId: "run", id: 1 };
  const onNews = () => void news.count++;
  const inbox = new Inbox({ own, run, place: () => now, moved, pool: new BufferPool(), onNews, waiting });
  const messages = async (header: Partial<Header>, value: number) => {
    const head = { runId: "run", view: 3, step: 5, from: 2, phase: "REDUCE" as const, ...header };
    const vectors = vectorsOf(view, 2, 1, head.phase, run).map((about) => ({
      ...{ name: about.name, values: new Float32Array(about.length).fill(value), bfloat16: false },
    }));
    const all: ParcelMessage[] = [];
    for await (const message of parcel(head, vectors)) {
      all.push(requestDeserialize(Buffer.from(requestSerialize(message as ParcelMessage))));
    }
    return all;
  };
  const deliver = async (header: Partial<Header> = {}, value = 1, given: AbortSignal = never, cut = 0) => {
    const all = await messages(header, value);
    const rest = all.slice(0, all.length - cut)[Symbol.iterator]();
    return inbox.take({ next: async () => rest.next() as IteratorResult<ParcelMessage> }, given);
  };
  /** The header has come; the rest comes no more once it is cut. */
  const part = async () => {
    const [header] = await messages({}, 1);
    let cut = () => {};
    const never = new Promise<never>((_, reject) => (cut = () => reject(new Error("the stream broke"))));
    const steps = [Promise.resolve({ value: header!, done: false as const })];
    const taken = inbox.take({ next: () => steps.shift() ?? never }, new AbortController().signal);
    taken.catch(() => {});
    await vi.waitFor(() => expect(inbox.get(2, "REDUCE")).toBeDefined());
    return { taken, cut: () => cut() };
  };
  return { inbox, now, moved, news, deliver, part };
}

const turn = () => new Promise(setImmediate);
/** Told once it has ended. */
const ended = (work: Promise<unknown>) => {
  const told = { over: false };
  const over = () => void (told.over = true);
  work.then(over, over);
  return told;
};

describe("a node's inbox", () => {
  it("takes a parcel of the step in hand, once", async () => {
    const { inbox, deliver, news } = started();
    expect(inbox.get(2, "REDUCE")).toBeUndefined();
    expect(await deliver()).toBe(true);
    const { vectors, complete, there } = inbox.get(2, "REDUCE")!;
    expect([complete, there, new Set(vectors.flatMap((values) => [...values]))]).toEqual([true, 16, new Set([1])]);
    expect(news.count).toBeGreaterThan(0);
    await expect(deliver()).rejects.toThrow("ALREADY_EXISTS: REDUCE of step 5 from member 2 is here already");
  });

  it("does not count a parcel as there of which a part is on its way", async () => {
    const { inbox, deliver, part } = started();
    const first = await part();
    await expect(deliver()).rejects.toThrow("ABORTED: REDUCE of step 5 from member 2 is still arriving");
    first.cut();
    await expect(first.taken).rejects.toThrow("the stream broke");
    expect(inbox.get(2, "REDUCE")).toBeUndefined();
    expect(await deliver()).toBe(true);
  });

  it("takes a parcel again that was cut off the first time", async () => {
    const { inbox, deliver } = started();
    await expect(deliver({}, 1, never, 1)).rejects.toThrow("it ends within");
    expect(inbox.get(2, "REDUCE")).toBeUndefined();
    expect(await deliver({}, 2)).toBe(true);
    expect(inbox.get(2, "REDUCE")!.vectors[0]).toEqual(new Float32Array(2).fill(2));
  });

  it("lets those of the next step wait until it begins, as many as it may, and counts no more those that were let in", async () => {
    const { inbox, now, moved, deliver } = started(1);
    for (let round = 0; round < 2; round++) {
      const early = deliver({ step: now.step + 1 });
      const told = ended(early);
      await turn();
      moved.ring();
      await turn();
      expect(told.over).toBe(false);
      await expect(deliver({ step: now.step + 1 })).rejects.toThrow("RESOURCE_EXHAUSTED: 1 parcels wait already");
      now.step++;
      inbox.clear();
      expect(await early).toBe(true);
    }
  });

  it("refuses a parcel whose sender has given up, or that waits when the node leaves", async () => {
    const { inbox, moved, deliver } = started();
    const giving = new AbortController();
    const given = deliver({ step: 6 }, 1, giving.signal);
    await turn();
    giving.abort();
    moved.ring();
    await expect(given).rejects.toThrow("CANCELLED: the sender gave up");
    const waiting = deliver({ step: 6 });
    await turn();
    inbox.close();
    await expect(waiting).rejects.toThrow("FAILED_PRECONDITION: this node has left");
  });

  it("refuses what is of another run, too late, or from itself", async () => {
    const { deliver } = started();
    await expect(deliver({ runId: "other" })).rejects.toThrow("INVALID_ARGUMENT: run_id: other is another run");
    await expect(deliver({ view: 2 })).rejects.toThrow("FAILED_PRECONDITION: view 2 is over, this is 3");
    await expect(deliver({ step: 4 })).rejects.toThrow("FAILED_PRECONDITION: step 4 is over, this is 5");
    await expect(deliver({ from: 1 })).rejects.toThrow("INVALID_ARGUMENT: from: 1 is this node itself");
    await expect(deliver({ phase: "FETCHED" })).rejects.toThrow("INVALID_ARGUMENT: phase: FETCHED is not delivered");
  });

  it("begins a new step with memory that no parcel of the one before writes into", async () => {
    const { inbox, deliver } = started();
    await deliver({ phase: "GATHER" }, 7);
    const { whole } = inbox;
    expect([...whole.subarray(16)]).toEqual(new Array(16).fill(7));
    inbox.clear();
    expect(inbox.get(2, "GATHER")).toBeUndefined();
    expect(inbox.whole).not.toBe(whole);
  });
});
