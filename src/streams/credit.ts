import { defer, finalize, tap, type MonoTypeOperatorFunction, type Observable } from "rxjs";

/** Permission to emit, held by a source and given back by the end of the loop. */
export interface Credit {
  /**
   * Resolves when one more value may be emitted, and takes the permission.
   *
   * @param jumps Whether steps may be left out, as those are that other nodes took.
   * @throws StarvedError when no permission can come back any more.
   */
  take(options?: { readonly jumps: boolean }): Promise<void>;
  /** Gives permissions back for values that were dropped on their way. */
  give(count: number): void;
  /**
   * Gives permissions back for every value that passes: as many as values of the source became one here, default 1.
   *
   * @throws StarvedError as a notification when a step is missing between two values that pass.
   */
  refund<T>(count?: number): MonoTypeOperatorFunction<T>;
}

/** A loop whose values do not all come back to the end of it. */
export class StarvedError extends Error {
  override readonly name = "StarvedError";
}

/** ms without a value that comes back, after which the loop counts as starved. */
const PATIENCE = 6 * 3600 * 1000;

/** The step of a value, where it says one. */
const stepOf = (value: unknown): number | undefined =>
  (value as { readonly info?: { readonly step?: number } } | undefined)?.info?.step;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The permissions of one loop. */
class Window implements Credit {
  readonly #size: number;
  #free: number;
  #refunds = false;
  #built = false;
  #jumps = false;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #onIdle = () => this.#starve("nothing is at work any more");

  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`credit: size must be a positive integer, got ${size}`);
    }
    this.#size = size;
    this.#free = size;
  }

  take({ jumps = false }: { readonly jumps?: boolean } = {}): Promise<void> {
    this.#jumps ||= jumps;
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    if (this.#built && !this.#refunds) {
      const what = `withCredit: ${this.#size} values are on their way and the loop has no credit.refund()`;
      return Promise.reject(new StarvedError(`${what}; add it behind the last stage`));
    }
    if (this.#waiting.length === 0) process.once("beforeExit", this.#onIdle);
    this.#watch();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  refund<T>(count = 1): MonoTypeOperatorFunction<T> {
    this.#refunds = true;
    let before: number | undefined;
    return tap((value: T) => {
      const step = stepOf(value);
      if (!this.#jumps && step !== undefined && before !== undefined && step > before + 1) {
        throw new StarvedError(`credit.refund: step ${before + 1} never came: a stage before it dropped a value`);
      }
      before = step ?? before;
      this.give(count);
    });
  }

  give(count: number): void {
    for (let i = 0; i < count; i++) {
      const next = this.#waiting.shift();
      if (next) next.resolve();
      else this.#free++;
    }
    if (this.#waiting.length === 0) this.close();
    else this.#watch();
  }

  /** The loop is whole: what refunds, has been asked for. */
  built(): void {
    this.#built = true;
  }

  /** Watches no longer. */
  close(): void {
    clearTimeout(this.#timer);
    process.off("beforeExit", this.#onIdle);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#starve("no value came back for six hours"), PATIENCE).unref();
  }

  #starve(why: string): void {
    this.close();
    const what = `withCredit: ${this.#size} values left and did not come to credit.refund(), and ${why}`;
    const error = new StarvedError(`${what}: a stage between them drops values, as filter does`);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/**
 * A window of `size` values that may be on their way at once.
 *
 * RxJS pushes without asking: a fast source ahead of a stage that waits fills memory. A source that takes a credit
 * before each value, refunded at the end of the loop, runs at most `size` values ahead, so the slow stage sets the pace.
 *
 * @throws RangeError when `size` is not a positive integer.
 */
export const credit = (size: number): Credit => new Window(size);

/**
 * Builds a loop around a new {@link Credit} for every subscription.
 *
 * @example
 * ```ts
 * withCredit(2, (credit) => trainBatches(examples, "data", { ...batches, credit }).pipe(credit.refund()));
 * ```
 * @throws RangeError when `size` is not a positive integer; {@link StarvedError} as a notification.
 */
export function withCredit<T>(size: number, build: (credit: Credit) => Observable<T>): Observable<T> {
  credit(size);
  return defer(() => {
    const window = new Window(size);
    const loop = build(window);
    window.built();
    return loop.pipe(finalize(() => window.close()));
  });
}
