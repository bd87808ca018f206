/** Counts and times of one stage of a pipeline between two readings. */

/** Counts and times of a stage since the last reading. */
export interface StageReading {
  /** Batches that left. */
  readonly batches: number;
  /** Batches that came and have not left, now. */
  readonly queue: number;
  /** Time at work, ms. */
  readonly busy: number;
}

/**
 * Follows a stage that takes batches in order, one at a time, and gives one for every `per` that came.
 *
 * Work on a batch begins when it is there and the one before it has been taken by the stage behind; so waiting in the
 * stage's own queue counts as queue, and the time of the stages behind, which RxJS runs inside `next`, does not count.
 */
export class StageClock {
  readonly #per: number;
  readonly #now: () => number;
  readonly #isPaused: () => boolean;
  #waiting = 0;
  #begun = 0;
  #batches = 0;
  #busy = 0;

  /**
   * @param now Milliseconds.
   * @param isPaused True while batches that leave do not count.
   */
  constructor(per: number, now: () => number, isPaused: () => boolean = () => false) {
    this.#per = per;
    this.#now = now;
    this.#isPaused = isPaused;
  }

  /** A batch comes. */
  enter(): void {
    if (this.#waiting < this.#per) this.#begun = this.#now();
    this.#waiting++;
  }

  /** A batch leaves. */
  leave(): void {
    if (!this.#isPaused()) {
      this.#busy += this.#now() - this.#begun;
      this.#batches++;
    }
    this.#waiting = Math.max(0, this.#waiting - this.#per);
  }

  /** The stage behind has taken the batch. */
  taken(): void {
    this.#begun = this.#now();
  }

  /** Begins the next interval. */
  read(): StageReading {
    const reading = { batches: this.#batches, queue: this.#waiting, busy: this.#busy };
    this.#batches = this.#busy = 0;
    return reading;
  }
}
