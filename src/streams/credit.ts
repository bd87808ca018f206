import { defer, finalize, tap, type MonoTypeOperatorFunction, type Observable } from "rxjs";

/** Permission to emit values. A source takes it, and the end of the loop returns it. */
export interface Credit {
  /**
   * Takes one permission; resolves when a further value may be emitted.
   *
   * @param jumps True when steps may be missing here because other nodes computed them.
   * @throws StarvedError when no permission can return any more.
   */
  take(options?: { readonly jumps: boolean }): Promise<void>;
  /** Returns permissions for values that were dropped in the loop. */
  give(count: number): void;
  /**
   * Returns permissions for every value that passes: `count` values of the source became one here, default 1.
   *
   * @throws StarvedError as a notification when a step is missing between two values.
   */
  refund<T>(count?: number): MonoTypeOperatorFunction<T>;
}

/** Thrown when some values of a loop never reach its end. */
export class StarvedError extends Error {
  override readonly name = "StarvedError";
}

/** ms without a returned value after which the loop counts as starved. */
const PATIENCE = 6 * 3600 * 1000;

/** Returns the step of a value, if it has one. */
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

  /** Called when the loop is complete; `refund` has been called by then, if it is used. */
  built(): void {
    this.#built = true;
  }

  /** Stops watching. */
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
 * Creates a credit of `size` values that may be in the loop at once.
 *
 * RxJS pushes values without demand, so a fast source fills the memory in front of a slow stage. Here the source takes
 * a credit before each value, and the end of the loop refunds it. The source then runs at most `size` values ahead, and
 * the slow stage sets the pace.
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
