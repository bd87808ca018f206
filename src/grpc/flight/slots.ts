/** Places for reads that go on at once. */
import { status, type ServiceError } from "@grpc/grpc-js";
import { statusError } from "../receive.ts";

/** ms in which a reader has taken nothing, after which it gives way to another. */
const PATIENCE = 60_000;

/** A read's place. */
export interface Slot {
  /** Told that the reader has no room now, or has room again. */
  waits(waiting: boolean): void;
  /** Gives the place back, once. */
  release(): void;
}

interface Held {
  readonly end: (error: ServiceError) => void;
  since: number | undefined;
}

/** At most `most` reads: where all places are taken, the reader that has stood still longest, and too long, loses its own. */
export class Slots {
  readonly #most: number;
  readonly #now: () => number;
  readonly #held = new Set<Held>();

  /** @param now Milliseconds. */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  /**
   * Takes a place.
   *
   * @param end Called with the error for a read whose place another gets.
   * @throws an error with the status RESOURCE_EXHAUSTED.
   */
  take(end: Held["end"]): Slot {
    if (this.#held.size >= this.#most) this.#free();
    const held: Held = { end, since: undefined };
    this.#held.add(held);
    return {
      waits: (waiting) => void (held.since = waiting ? this.#now() : undefined),
      release: () => void this.#held.delete(held),
    };
  }

  #free(): void {
    const standing = [...this.#held].filter(({ since }) => since !== undefined && this.#now() - since >= PATIENCE);
    const first = standing.reduce<Held | undefined>((a, b) => (a && a.since! <= b.since! ? a : b), undefined);
    if (!first) {
      throw statusError(status.RESOURCE_EXHAUSTED, `${this.#most} streams are being read, try again later`);
    }
    this.#held.delete(first);
    const seconds = PATIENCE / 1000;
    first.end(
      statusError(status.ABORTED, `nothing was read for ${seconds} s while others wait: read on from the last row`),
    );
  }
}
