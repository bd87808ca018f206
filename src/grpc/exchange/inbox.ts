/** What has arrived for the step in hand. */
import { status } from "@grpc/grpc-js";
import type { Bell } from "../../monitor/bell.ts";
import { statusError } from "../receive.ts";
import type { Header, ParcelMessage, Phase, VectorAbout, View } from "./definition.ts";
import { Spare } from "./spare.ts";
import { readHeader, readVectors, requireVectors } from "./parcel.ts";

/** Where a node stands. */
export interface Place {
  /** Undefined between two views. */
  readonly view: View | undefined;
  /** The newest that was heard of. */
  readonly viewNumber: number;
  readonly step: number;
  /** The state is that of `step` of the view: nothing is to be fetched first. */
  readonly settled: boolean;
}

export interface InboxOptions {
  readonly runId: () => string;
  readonly place: () => Place;
  /** Rings when the place changes, and now and then. */
  readonly moved: Bell;
  /** What a member sends in a phase of a view. */
  readonly expected: (view: View, from: number, phase: Phase) => readonly VectorAbout[];
  /** Something new has come from a member. */
  readonly onNews: () => void;
  /** Parcels of steps to come that may wait. */
  readonly waiting: number;
}

const key = (from: number, phase: Phase) => `${phase}/${from}`;
const refuse = (code: status, what: string) => statusError(code, what);

/** Takes parcels for the step in hand, checks them, and lets those of the next one wait unread. */
export class Inbox {
  readonly #options: InboxOptions;
  /** Of one view and step; undefined while it is being read. */
  #arrived = new Map<string, readonly Float32Array[] | undefined>();
  readonly #spare = new Spare();
  #waiting = 0;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** What a member has sent, if all of it is there. */
  get(from: number, phase: Phase): readonly Float32Array[] | undefined {
    return this.#arrived.get(key(from, phase));
  }

  /** A new step or view begins. */
  clear(): void {
    this.#arrived = new Map();
    this.#options.moved.ring();
  }

  /** The same for a new view, whose vectors have other lengths. */
  endView(): void {
    this.#spare.clear();
    this.clear();
  }

  /** What was got is not needed any more. */
  release(arrays: readonly Float32Array[]): void {
    this.#spare.give(arrays);
  }

  /** Lets nothing in any more. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  /**
   * Takes one parcel.
   *
   * @param given Aborted when the sender has given up.
   * @throws ServiceError, which names what is wrong with it.
   */
  async take(messages: AsyncIterator<ParcelMessage>, given: AbortSignal): Promise<void> {
    const header = await readHeader(messages);
    const view = await this.#admit(header, given);
    const expected = this.#options.expected(view, header.from, header.phase);
    requireVectors(header.vectors, expected);
    const slot = key(header.from, header.phase);
    const arrived = this.#arrived;
    if (arrived.has(slot)) {
      throw refuse(status.ALREADY_EXISTS, `${header.phase} of step ${header.step} from member ${header.from} is here already`); // prettier-ignore
    }
    arrived.set(slot, undefined);
    try {
      const onNext = this.#options.onNews;
      const vectors = await readVectors({ next: async () => (onNext(), messages.next()) }, expected, this.#spare.take);
      // Of a step that is over by now it goes nowhere.
      arrived.set(slot, vectors);
    } catch (error) {
      arrived.delete(slot);
      throw error;
    }
    this.#options.onNews();
  }

  /** Waits until the parcel's step is in hand. */
  async #admit({ runId, view, step, from, phase }: Header, given: AbortSignal): Promise<View> {
    const { place, moved, waiting } = this.#options;
    if (runId !== this.#options.runId()) throw refuse(status.INVALID_ARGUMENT, `run_id: ${runId} is another run`);
    if (phase === "FETCHED") throw refuse(status.INVALID_ARGUMENT, "phase: FETCHED is not delivered");
    for (;;) {
      const now = place();
      if (this.#closed) throw refuse(status.FAILED_PRECONDITION, "this node has left");
      if (given.aborted) throw refuse(status.CANCELLED, "the sender gave up");
      if (view < now.viewNumber) {
        throw refuse(status.FAILED_PRECONDITION, `view ${view} is over, this is ${now.viewNumber}`);
      }
      if (now.view && view === now.view.view) {
        if (!now.view.members.some(({ id }) => id === from)) {
          throw refuse(status.INVALID_ARGUMENT, `from: view ${view} has no member ${from}`);
        }
        if (step < Math.max(now.step, now.view.step)) {
          throw refuse(status.FAILED_PRECONDITION, `step ${step} is over, this is ${now.step}`);
        }
        if (step > Math.max(now.step, now.view.step) + 1) {
          throw refuse(status.INVALID_ARGUMENT, `step: ${step} is too far ahead, this is ${now.step}`);
        }
        if (step === now.step && now.settled) return now.view;
      }
      if (this.#waiting >= waiting) throw refuse(status.RESOURCE_EXHAUSTED, `${waiting} parcels wait already`);
      this.#waiting++;
      await moved.next().finally(() => this.#waiting--);
    }
  }
}
