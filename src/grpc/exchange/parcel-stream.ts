/** Parcels to one node in one call, one after another: a call for each takes longer than a short parcel. */
import { status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import type { Subscription } from "rxjs";
import { statusError } from "../receive.ts";
import { sendAll } from "../send.ts";
import type { SentParcel } from "./definition.ts";
import type { Receipt } from "../../exchange/messages.ts";
import type { ParcelMessage } from "../../exchange/messages.ts";

interface Unanswered {
  readonly resolve: () => void;
  readonly reject: (error: ServiceError) => void;
}

export class ParcelStream {
  readonly #call: ClientDuplexStream<ParcelMessage, Receipt>;
  readonly #unanswered: Unanswered[] = [];
  readonly #unsent: AsyncIterable<SentParcel>[] = [];
  #sending: Subscription | undefined;
  #over: ServiceError | undefined;

  /** @param onEnd Told once that it takes no more. */
  constructor(call: ClientDuplexStream<ParcelMessage, Receipt>, onEnd: () => void) {
    this.#call = call;
    const end = (error: ServiceError) => {
      if (this.#over) return;
      this.#over = error;
      this.#sending?.unsubscribe();
      for (const { reject } of this.#unanswered) reject(error);
      onEnd();
    };
    call.on("data", ({ parcels }: Receipt) => {
      // No more than were begun.
      if (parcels < 1 || parcels > this.#unanswered.length - this.#unsent.length) {
        end(statusError(status.INTERNAL, `the other node sent a receipt for ${parcels} parcels`));
        call.cancel();
        return;
      }
      for (const { resolve } of this.#unanswered.splice(0, parcels)) resolve();
    });
    call.on("error", end);
    call.on("end", () => end(statusError(status.UNAVAILABLE, "the other node ended the call")));
  }

  /**
   * Resolves once the other node has taken it.
   *
   * @throws ServiceError with which the call ended, over this parcel or one before.
   */
  deliver(parcel: AsyncIterable<SentParcel>): Promise<void> {
    if (this.#over) return Promise.reject(this.#over);
    const answered = new Promise<void>((resolve, reject) => this.#unanswered.push({ resolve, reject }));
    this.#unsent.push(parcel);
    if (!this.#sending) this.#sendNext();
    return answered;
  }

  cancel(): void {
    this.#call.cancel();
  }

  #sendNext(): void {
    const next = this.#unsent.shift();
    this.#sending =
      next &&
      sendAll(this.#call, next).subscribe({
        complete: () => this.#sendNext(),
        error: () => this.cancel(),
      });
  }
}
