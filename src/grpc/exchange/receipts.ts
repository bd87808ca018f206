/** Telling a node that its parcels were taken, of both of a step at once: a message takes as long as a short parcel. */
import type { Receipt } from "./definition.ts";

/** Parcels of a step. */
const STEP = 2;
/** ms that one waits for the next: so long its sender keeps memory for it. */
const PATIENCE = 20;

export class Receipts {
  readonly #write: (receipt: Receipt) => void;
  #parcels = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (receipt: Receipt) => void) {
    this.#write = write;
  }

  /** A parcel was taken. */
  add(): void {
    this.#parcels++;
    if (this.#parcels < STEP) this.#timer = setTimeout(() => this.flush(), PATIENCE);
    else this.flush();
  }

  flush(): void {
    const parcels = this.#parcels;
    this.drop();
    if (parcels > 0) this.#write({ parcels });
  }

  /** Nobody wants them any more. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#parcels = 0;
  }
}
