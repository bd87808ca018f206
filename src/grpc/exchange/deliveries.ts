/** Tracks the parcels of a node that the others have not all taken yet. */
import { setTimeout as delay } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";
import { RETRY } from "../../exchange/limits.ts";
import type { Header } from "../../exchange/messages.ts";
import type { Member } from "../../exchange/messages.ts";
import { bytesOf, formatOf } from "./number-format.ts";
import type { Vector } from "./parcel.ts";
import type { Wire } from "./wire.ts";

/** Sends once more what was lost with its connection: the machine of the other node may have been started again. */
async function again(deliver: () => Promise<void>, signal: AbortSignal): Promise<void> {
  await delay(RETRY, undefined, { signal });
  try {
    await deliver();
  } catch (error) {
    // Only the receipt was lost.
    if ((error as ServiceError).code !== status.ALREADY_EXISTS) throw error;
  }
}

export interface DeliveriesOptions {
  readonly wire: Wire;
  /** A member did not take it, for another reason than that it was too late. */
  readonly onFailure: (to: Member, reason: string) => void;
  /** One has ended. */
  readonly onEnd: () => void;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  #open = 0;
  #bytes = 0;
  #over = new AbortController();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Deliveries that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Aborted by {@link cancel}. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Gives up what is on its way: the view is over. */
  cancel(): void {
    this.#over.abort();
    this.#over = new AbortController();
  }

  /** Bytes of vectors sent since it was last asked. */
  takeBytes(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  /** Sends; resolves once it is over, however it ends. */
  send(to: Member, header: Omit<Header, "vectors">, vectors: readonly Vector[]): Promise<void> {
    const { wire, onFailure, onEnd } = this.#options;
    const { signal } = this;
    this.#bytes += vectors.reduce((n, vector) => n + bytesOf(vector.values.length, formatOf(vector)), 0);
    this.#open++;
    return wire
      .deliver(to, header, vectors, signal)
      .catch((error: ServiceError) => {
        if (signal.aborted || error.code !== status.UNAVAILABLE) throw error;
        // A stream of its own: on that of the signal it would stand behind parcels that wait for it.
        const own = AbortSignal.any([signal]);
        return again(() => wire.deliver(to, header, vectors, own), signal);
      })
      .catch((error: ServiceError) => {
        // A parcel that is too late for the other side is no fault of it.
        if (signal.aborted || error.code === status.FAILED_PRECONDITION) return;
        onFailure(to, `did not take what it was sent: ${error.message}`);
      })
      .finally(() => {
        this.#open--;
        onEnd();
      });
  }
}
