/** Telling a node that its parcels were taken, of both of a step at once: a message takes as long as a short parcel. */
import type { Receipt } from "../../exchange/messages.ts";

/** Parcels of a step. */
const STEP = 2;
/** ms that one waits for the next: so long its sender keeps memory for it. */
const PATIENCE = 20;

export class Receipts {
  readonly #write: (receipt: Receipt) => void;
  #parcels = 0;
  #late: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(write: (receipt: Receipt) => void) {
    this.#write = write;
  }

  /** A parcel was taken. */
  add(): void {
    this.#parcels++;
    if (this.#parcels === 1) this.#late = setTimeout(this.flush, PATIENCE);
    // Anything that waits for the parcel goes first.
    if (this.#parcels === STEP) this.#soon = setImmediate(this.flush);
  }

  /** Tells of all that were taken. */
  readonly flush = (): void => {
    const parcels = this.#parcels;
    this.drop();
    if (parcels > 0) this.#write({ parcels });
  };

  /** Nobody wants them any more. */
  drop(): void {
    clearTimeout(this.#late);
    clearImmediate(this.#soon);
    this.#parcels = 0;
  }
}
