/** Waiting for others, with a patience that is measured in what could have come. */
import { NonFiniteLossError } from "../../errors.ts";
import type { Bell } from "../../monitor/bell.ts";
import type { View } from "./definition.ts";

/** Parts of a deadline. What blocks the event loop counts as one of them, however long it takes. */
export const TICKS = 10;
/** Who has just come compiles its graphs and fetches the state: times the deadline. */
export const ENTERING = 5;
/** Others may take this many times as long for their shards as this node. */
export const SLOWER = 5;

export interface WaitingOptions {
  /** Rung whenever something may have changed. */
  readonly moved: Bell;
  /** ms. */
  readonly deadline: number;
  readonly stop: AbortSignal | undefined;
  readonly membership: { readonly view: View | undefined; readonly failure: Error | undefined };
  readonly onTick: () => void;
}

/** "over": the view is, or the run. */
export type Waited = "ready" | "over" | "late";

export class Waiting {
  readonly #options: WaitingOptions;
  #ticks = 0;
  /** Tick of the last news from others. */
  #news = 0;
  #closed: AbortSignal | undefined;

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
    const { moved, deadline, stop, onTick } = this.#options;
    const ring = () => moved.ring();
    const signals = [closed, stop];
    this.#closed = closed;
    for (const signal of signals) signal?.addEventListener("abort", ring);
    const clock = setInterval(() => {
      this.#ticks++;
      onTick();
      ring();
    }, deadline / TICKS);
    return () => {
      clearInterval(clock);
      for (const signal of signals) signal?.removeEventListener("abort", ring);
    };
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
  async until(holds: () => boolean, view: View | undefined, ticks = Infinity): Promise<Waited> {
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
