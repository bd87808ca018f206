/** Posts JSON, again where it does not arrive, and waits for nothing. */
import { isPassingStatus, reasonOf, Retries } from "../retries.ts";

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

/** Sends one after another. Warnings name the host only: a path is often a secret. */
export class Poster {
  readonly #options: PosterOptions;
  readonly #host: string;
  readonly #retries: Retries;
  #waiting: object[] = [];
  #working: Promise<void> | undefined;

  constructor(options: PosterOptions) {
    this.#options = options;
    this.#retries = new Retries(options.delays);
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
  close(grace: number): Promise<void> {
    return this.#retries.end(grace, () => this.#working);
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
    for (let attempt = 0; ; attempt++) {
      const { why, again } = await this.#attempt(body);
      if (!again) return why;
      if (attempt + 1 === ATTEMPTS || this.#retries.over.aborted) return `${why}; ${attempt + 1} attempts`;
      await this.#retries.pause(attempt);
    }
  }

  async #attempt(body: string): Promise<{ why?: string; again: boolean }> {
    const { url, limit = 10_000 } = this.#options;
    const signal = AbortSignal.any([this.#retries.over, AbortSignal.timeout(limit)]);
    const headers = { "content-type": "application/json" };
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
      await response.body?.cancel();
      return response.ok
        ? { again: false }
        : { why: `status ${response.status}`, again: isPassingStatus(response.status) };
    } catch (error) {
      return { why: reasonOf(error as Error), again: true };
    }
  }
}
