/** Posts JSON, again where it does not arrive, and waits for nothing. */
import { backoffDelay, pause } from "../../base/backoff.ts";

export interface PosterOptions {
  readonly url: string;
  readonly tell: (text: string) => void;
  /** Least and largest ms between attempts. */
  readonly delays?: readonly [number, number];
  /** ms for an answer. */
  readonly limit?: number;
}

/** Messages that wait at most; of more, the oldest are left out. */
const WAITING = 100;
const ATTEMPTS = 6;
/** ms between attempts at most, once the run has ended. */
const LAST = 500;

/** Statuses after which the same message may still be taken. */
const isPassing = (status: number) => status >= 500 || status === 408 || status === 429;

/** Sends one after another. Warnings name the host only: a path is often a secret. */
export class Poster {
  readonly #options: Required<PosterOptions>;
  readonly #host: string;
  /** Aborted when nothing more is waited for. */
  readonly #over = new AbortController();
  /** Aborted when the run has ended: the next attempt is due. */
  readonly #soon = new AbortController();
  #waiting: object[] = [];
  #working: Promise<void> | undefined;

  constructor(options: PosterOptions) {
    this.#options = { delays: [1000, 30_000], limit: 10_000, ...options };
    this.#host = new URL(options.url).host;
  }

  /** Takes a message, and returns at once. */
  post(message: object): void {
    this.#waiting.push(message);
    if (this.#waiting.length > WAITING) {
      this.#waiting.shift();
      this.#options.tell(`warning: ${this.#host} takes notices too slowly: the oldest was left out`);
    }
    this.#working ??= this.#work();
  }

  /** Sends what waits, for `grace` ms at most. */
  async close(grace: number): Promise<void> {
    this.#soon.abort();
    const timer = setTimeout(() => this.#over.abort(), grace);
    await this.#working;
    clearTimeout(timer);
  }

  async #work(): Promise<void> {
    for (let message = this.#waiting.shift(); message; message = this.#waiting.shift()) {
      const why = await this.#deliver(JSON.stringify(message));
      if (why !== undefined) this.#options.tell(`warning: a notice did not reach ${this.#host}: ${why}`);
    }
    this.#working = undefined;
  }

  /** @returns Undefined once it is taken, else why not. */
  async #deliver(body: string): Promise<string | undefined> {
    const { signal } = this.#over;
    for (let attempt = 0; ; attempt++) {
      const { why, again } = await this.#attempt(body);
      if (!again) return why;
      if (attempt + 1 === ATTEMPTS || signal.aborted) return `${why}; ${attempt + 1} attempts`;
      const delay = backoffDelay(attempt, this.#options.delays);
      await (this.#soon.signal.aborted ? pause(Math.min(delay, LAST), signal) : pause(delay, this.#soon.signal));
    }
  }

  async #attempt(body: string): Promise<{ why?: string; again: boolean }> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(this.#options.limit)]);
    const headers = { "content-type": "application/json" };
    try {
      const response = await fetch(this.#options.url, { method: "POST", headers, body, signal, redirect: "error" });
      await response.body?.cancel();
      return response.ok ? { again: false } : { why: `status ${response.status}`, again: isPassing(response.status) };
    } catch (error) {
      const { cause } = error as Error;
      return { why: cause instanceof Error ? cause.message : (error as Error).message, again: true };
    }
  }
}
