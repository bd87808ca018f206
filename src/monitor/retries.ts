/** Pauses between attempts to reach a server, which a run's end makes short. */
import { backoffDelay, pause } from "../base/backoff.ts";

/** ms between attempts at most, once the run has ended. */
const LAST = 500;

/** Statuses after which the same request may still be taken. */
export const isPassingStatus = (status: number): boolean => status >= 500 || status === 408 || status === 429;

/** The reason that `fetch` failed for. */
export const reasonOf = ({ message, cause }: Error): string => (cause instanceof Error ? cause.message : message);

export class Retries {
  readonly #delays: readonly [number, number];
  readonly #over = new AbortController();
  /** Aborted when the run has ended: the next attempt is due. */
  readonly #ended = new AbortController();
  /** Aborted when nothing more is waited for. */
  readonly over = this.#over.signal;

  /** @param delays Least and largest ms between attempts. */
  constructor(delays: readonly [number, number] = [1000, 30_000]) {
    this.#delays = delays;
  }

  /** Waits after an attempt that failed; the first one is 0. */
  pause(attempt: number): Promise<void> {
    const delay = backoffDelay(attempt, this.#delays);
    const ended = this.#ended.signal;
    return ended.aborted ? pause(Math.min(delay, LAST), this.over) : pause(delay, ended);
  }

  /** Ends what `work` does, in `grace` ms at most. */
  async end(grace: number, work: () => Promise<void> | undefined): Promise<void> {
    this.#ended.abort();
    const timer = setTimeout(() => this.#over.abort(), grace);
    try {
      await work();
    } finally {
      clearTimeout(timer);
    }
  }
}
