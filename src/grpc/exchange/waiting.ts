/** Waiting for others and for the node's own turns. Who is late is decided by the rules, not here. */
import { setTimeout as delay } from "node:timers/promises";
import { NonFiniteLossError } from "../../base/errors.ts";
import type { Bell } from "../../base/bell.ts";
import type { Turn } from "../../training/peers.ts";
import { tickOf } from "../../exchange/limits.ts";
import type { ListeningClock } from "../../exchange/machine.ts";
import type { Membership, Way } from "./membership.ts";
import type { GroupView } from "../../exchange/messages.ts";

/** ms that a node which is told to stop still waits for a step to be complete, or for others to go. */
const LAST_STEP = 3000;

export interface WaitingOptions {
  /** Rung whenever something may have changed. */
  readonly moved: Bell;
  readonly clock: ListeningClock;
  /** ms. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly membership: Pick<Membership, "view" | "failure" | "tell">;
  readonly way: Way;
}

/** "over": the view is, or the run. */
export type Waited = "ready" | "over" | "late";

export class Waiting {
  readonly #options: WaitingOptions;
  #closed: AbortSignal | undefined;
  /** The turn whose gradient is still to come. */
  #owed: Turn | undefined;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** True when the caller that runs the node has closed it. */
  get closed(): boolean {
    return this.#closed?.aborted === true;
  }

  get stopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** @returns A function that ends it. */
  start(closed: AbortSignal): () => void {
    const { moved, clock, deadline, signal, way, membership } = this.#options;
    const ring = () => moved.ring();
    const signals = [closed, signal];
    this.#closed = closed;
    for (const signal of signals) signal?.addEventListener("abort", ring);
    const every = tickOf(deadline);
    clock.look(0);
    const timer = setInterval(() => {
      clock.look(2 * every);
      if (way.kind === "coordinate") way.coordinator.tick();
      membership.tell({ type: "tick" });
      ring();
    }, every);
    return () => {
      clearInterval(timer);
      for (const signal of signals) signal?.removeEventListener("abort", ring);
    };
  }

  get owed(): Turn | undefined {
    return this.#owed;
  }

  /** Gives a turn, and ends when its gradient is here, or it was given up: until then the state must stay. */
  async *ownTurn(turn: Turn): AsyncGenerator<Turn, void, void> {
    const { membership, moved } = this.#options;
    const start = performance.now();
    this.#owed = turn;
    membership.tell({ type: "turn" });
    yield turn;
    while (this.#owed && !this.closed) await moved.next();
    membership.tell({ type: "computed", ms: performance.now() - start });
  }

  /** The gradient of {@link ownTurn} is here, or not wanted any more. */
  added(): void {
    this.#owed = undefined;
    this.#options.membership.tell({ type: "gradient" });
  }

  /** A turn of many steps gets on. */
  stepped(): void {
    this.#options.membership.tell({ type: "turn" });
  }

  /** Something came from the others. */
  hear(): void {
    this.#options.membership.tell({ type: "news" });
  }

  /**
   * Waits until it holds, the view is over, the node was told to stop a while ago, or `limit` ms have passed.
   *
   * @throws what ends the run; a coordinator that is gone does not end one that is stopped.
   */
  async until(holds: () => boolean, view: GroupView | undefined, limit = Infinity): Promise<Waited> {
    const { membership, moved, clock } = this.#options;
    const start = clock.now;
    let stopped: number | undefined;
    for (;;) {
      const { failure } = membership;
      if (failure && (!this.stopped || failure instanceof NonFiniteLossError)) throw failure;
      if (failure || this.closed || view !== membership.view) return "over";
      if (holds()) return "ready";
      if (this.stopped) stopped ??= clock.now;
      if (stopped !== undefined && clock.now - stopped > LAST_STEP) return "over";
      if (clock.now - start > limit) return "late";
      await moved.next();
    }
  }
}

/** How long {@link othersGone} waits. */
export interface GoneOptions {
  /** ms. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  /** ms from the moment when the node is told to stop. */
  readonly grace?: number;
}

/** Waits until nobody is there any more, but not without limit. */
export async function othersGone(
  areThere: () => boolean,
  { deadline, signal, grace = LAST_STEP }: GoneOptions,
): Promise<void> {
  let until = performance.now() + deadline;
  let stopped = false;
  while (areThere() && performance.now() < until) {
    if (signal?.aborted && !stopped) until = Math.min(until, performance.now() + grace);
    stopped ||= signal?.aborted === true;
    await delay(10);
  }
}
