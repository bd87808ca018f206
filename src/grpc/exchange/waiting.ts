/** Waiting for others, with a patience that is measured in what could have come. */
import { NonFiniteLossError } from "../../base/errors.ts";
import type { Bell } from "../../base/bell.ts";
import type { Turn } from "../../training/peers.ts";
import type { GroupView } from "./messages.ts";
import type { Way } from "./membership.ts";

/** Parts of a deadline. What blocks the event loop counts as one of them, however long it takes. */
export const TICKS = 10;
/** Who has just come compiles its graphs and fetches the state: times the deadline. */
export const ENTERING = 5;
/** Others may take this many times as long for their shards as this node. */
const SLOWER = 5;

/**
 * Ticks to wait for what the others compute.
 *
 * @param computing What this node's own shards took, in deadlines.
 * @param entering Somebody has just come.
 */
export const patience = (computing: number, entering: boolean): number =>
  Math.max(TICKS * (entering ? ENTERING : 1), Math.ceil(SLOWER * computing * TICKS));

export interface WaitingOptions {
  /** Rung whenever something may have changed. */
  readonly moved: Bell;
  /** ms. */
  readonly deadline: number;
  readonly stop: AbortSignal | undefined;
  readonly membership: { readonly view: GroupView | undefined; readonly failure: Error | undefined };
  readonly way: Way;
}

/** "over": the view is, or the run. */
export type Waited = "ready" | "over" | "late";

export class Waiting {
  readonly #options: WaitingOptions;
  #ticks = 0;
  /** Tick of the last news from others. */
  #news = 0;
  #closed: AbortSignal | undefined;
  /** A turn's gradient is still to come. */
  #owed = false;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** Who runs the node does not want it any more. */
  get closed(): boolean {
    return this.#closed?.aborted === true;
  }

  get stopped(): boolean {
    return this.#options.stop?.aborted === true;
  }

  /** @returns A function that ends it. */
  start(closed: AbortSignal): () => void {
    const { moved, deadline, stop, way } = this.#options;
    const ring = () => moved.ring();
    const signals = [closed, stop];
    this.#closed = closed;
    for (const signal of signals) signal?.addEventListener("abort", ring);
    const clock = setInterval(() => {
      this.#ticks++;
      if (way.kind === "coordinate") way.coordinator.tick();
      ring();
    }, deadline / TICKS);
    return () => {
      clearInterval(clock);
      for (const signal of signals) signal?.removeEventListener("abort", ring);
    };
  }

  /** Gives a turn, and ends when its gradient is here: until then the state must stay. */
  async *ownTurn(turn: Turn): AsyncGenerator<Turn, void, void> {
    this.#owed = true;
    yield turn;
    while (this.#owed && !this.closed) await this.#options.moved.next();
  }

  /** The gradient of {@link ownTurn} is here. */
  added(): void {
    this.#owed = false;
    this.#options.moved.ring();
  }

  /** Something came from the others. */
  hear(): void {
    this.#news = this.#ticks;
    this.#options.moved.ring();
  }

  /**
   * Waits until it holds, the view is over, or nothing has been heard for so many ticks.
   *
   * @throws what ends the run; a coordinator that is gone does not end one that is stopped.
   */
  async until(holds: () => boolean, view: GroupView | undefined, ticks = Infinity): Promise<Waited> {
    const { membership, moved } = this.#options;
    const start = this.#ticks;
    for (;;) {
      const { failure } = membership;
      if (failure && (!this.stopped || failure instanceof NonFiniteLossError)) throw failure;
      if (failure || this.closed || view !== membership.view) return "over";
      if (holds()) return "ready";
      if (this.#ticks - Math.max(start, this.#news) > ticks) return "late";
      await moved.next();
    }
  }
}
