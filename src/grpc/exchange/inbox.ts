/** Receives the parcels for the step in hand. */
import { status } from "@grpc/grpc-js";
import type { Bell } from "../../base/bell.ts";
import { statusError } from "../receive.ts";
import { admission, type Place } from "../../exchange/admission.ts";
import { Arriving } from "./arriving.ts";
import type { ParcelMessage } from "../../exchange/messages.ts";
import type { Header } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import type { Phase } from "../../exchange/messages.ts";
import type { GroupView } from "../../exchange/messages.ts";
import type { Member } from "../../exchange/messages.ts";
import { LOSSES, rangeOf, vectorsOf, type RunShape } from "./shares-of-view.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { PeerMemory } from "./shared-memory.ts";
import { readHeader, readVectors, requireVectors } from "./parcel.ts";

export interface InboxOptions {
  /** Run and id of this node. */
  readonly own: { readonly runId: string; readonly id: number };
  readonly run: RunShape;
  readonly place: () => Place;
  /** Rings when the place changes, and now and then. */
  readonly moved: Bell;
  readonly pool: BufferPool;
  /** Something new has come from a member. */
  readonly onNews: () => void;
  /** Parcels of steps to come that may wait. */
  readonly waiting: number;
}

/** Memories in place of others of the same member, in one step: one after a new view; each takes a descriptor. */
const REPLACED = 64;

const key = (from: number, phase: Phase) => `${phase}/${from}`;
const refuse = (code: status, what: string) => statusError(code, what);

/** Takes parcels for the step in hand, checks them, and lets those of the next one wait unread. */
export class Inbox {
  readonly #options: InboxOptions;
  /** Parcels of one view and step. */
  #arriving = new Map<string, Arriving>();
  #whole: Float32Array | undefined;
  /** Shared memories of the present members. */
  readonly #memories = new Map<number, PeerMemory>();
  /** Memories that were replaced by other ones of the same member. */
  readonly #replaced: PeerMemory[] = [];
  #waiting = 0;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Returns the parcel of a member, as far as it has arrived. */
  get(from: number, phase: Phase): Arriving | undefined {
    return this.#arriving.get(key(from, phase));
  }

  /** Memory in which the sum of the step in hand is gathered. */
  get whole(): Float32Array {
    return (this.#whole ??= this.#options.pool.take(this.#options.run.parameters));
  }

  /** A new step or view begins. */
  clear(): void {
    for (const arriving of this.#arriving.values()) arriving.release();
    this.#arriving = new Map();
    for (const memory of this.#replaced.splice(0)) memory.close();
    // A parcel of a view that is over may still be written into it.
    this.#whole = undefined;
    this.#options.moved.ring();
  }

  /** Forgets the memories of all but these members. */
  keep(members: readonly Member[]): void {
    for (const [id, memory] of this.#memories) {
      if (members.some((member) => member.id === id)) continue;
      memory.close();
      this.#memories.delete(id);
    }
  }

  /** Lets nothing in any more. */
  close(): void {
    this.#closed = true;
    this.keep([]);
    this.clear();
  }

  /**
   * Takes one parcel.
   *
   * @param given Aborted when the sender has given up.
   * @returns false when there is none any more.
   * @throws ServiceError, which names what is wrong with it.
   */
  async take(messages: AsyncIterator<ParcelMessage>, given: AbortSignal): Promise<boolean> {
    const header = await readHeader(messages);
    if (!header) return false;
    const view = await this.#admit(header, given);
    const expected = this.#expected(view, header);
    requireVectors(header.vectors, expected);
    const slot = key(header.from, header.phase);
    const all = this.#arriving;
    const before = all.get(slot);
    if (before) {
      const [code, at] = before.complete ? [status.ALREADY_EXISTS, "here already"] : [status.ABORTED, "still arriving"];
      throw refuse(code, `${header.phase} of step ${header.step} from member ${header.from} is ${at}`);
    }
    const memory = this.#memoryOf(header);
    const { onNews } = this.#options;
    // A parcel of a step that is over by the end is dropped.
    const arriving = new Arriving(this.#vectorsFor(view, header, expected), memory);
    all.set(slot, arriving);
    const losses = header.phase === "REDUCE" ? LOSSES : 0;
    // Parts that are added are read only once, later, so they may stay in the sender's memory.
    const leave = (vector: number, offset: number, at: number) => {
      if (header.phase !== "REDUCE" || vector < losses) return false;
      arriving.leave(vector, offset, at);
      return true;
    };
    const onChunk = (vector: number, there: number) => {
      if (vector === expected.length - 1) arriving.there = there;
      // The others follow at once.
      if (vector >= losses) onNews();
    };
    try {
      await readVectors(messages, expected, { into: arriving.vectors, memory, pieces: header.pieces, leave, onChunk });
    } catch (error) {
      all.delete(slot);
      throw error;
    }
    arriving.complete = true;
    onNews();
    await arriving.read();
    return true;
  }

  /** Describes the vectors that the member has to send. */
  #expected(view: GroupView, { from, phase }: Header): VectorAbout[] {
    const { own, run } = this.#options;
    if (from === own.id) throw refuse(status.INVALID_ARGUMENT, `from: ${from} is this node itself`);
    return vectorsOf(view, from, own.id, phase, run);
  }

  /** Chooses the memory for them. */
  #vectorsFor(view: GroupView, { from, phase }: Header, about: readonly VectorAbout[]): Float32Array[] {
    const { run, pool } = this.#options;
    if (phase !== "GATHER") return about.map(({ length }) => pool.take(length));
    const { first, end } = rangeOf(view, from, run);
    return [this.whole.subarray(first, end)];
  }

  /** The sender's. @throws ServiceError when it cannot be read. */
  #memoryOf({ from, shared }: Header): PeerMemory | undefined {
    if (!shared) return undefined;
    const known = this.#memories.get(from);
    if (known?.isAt(shared)) return known;
    // Parcels in the old memory may still be read.
    if (known) this.#replaced.push(known);
    this.#memories.delete(from);
    try {
      if (this.#replaced.length > REPLACED) throw new Error("it is another one too often");
      const memory = PeerMemory.open(shared);
      this.#memories.set(from, memory);
      return memory;
    } catch (error) {
      throw refuse(status.UNIMPLEMENTED, `shared: ${(error as Error).message}`);
    }
  }

  /** Waits until the parcel's step is in hand. */
  async #admit({ runId, view, step, from, phase }: Header, given: AbortSignal): Promise<GroupView> {
    const { place, moved, waiting } = this.#options;
    if (runId !== this.#options.own.runId) throw refuse(status.INVALID_ARGUMENT, `run_id: ${runId} is another run`);
    if (phase === "FETCHED") throw refuse(status.INVALID_ARGUMENT, "phase: FETCHED is not delivered");
    for (;;) {
      const now = place();
      if (this.#closed) throw refuse(status.FAILED_PRECONDITION, "this node has left");
      if (given.aborted) throw refuse(status.CANCELLED, "the sender gave up");
      const admitted = admission({ view, step, from }, now);
      if (admitted.verdict === "take") return now.view!;
      if (admitted.verdict === "past") throw refuse(status.FAILED_PRECONDITION, admitted.why);
      if (admitted.verdict === "wrong") throw refuse(status.INVALID_ARGUMENT, admitted.why);
      if (this.#waiting >= waiting) throw refuse(status.RESOURCE_EXHAUSTED, `${waiting} parcels wait already`);
      this.#waiting++;
      await moved.next().finally(() => this.#waiting--);
    }
  }
}
