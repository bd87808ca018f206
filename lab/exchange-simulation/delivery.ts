/** A parcel on its way to another node, as the real deliveries send it: what is lost with its connection goes again, once. */
import { RETRY } from "../../src/exchange/limits.ts";
import type { GroupView } from "../../src/exchange/messages.ts";
import type { SimulatedNode } from "./node.ts";
import type { Parcel, Surroundings } from "./surroundings.ts";
import type { Connection } from "./world.ts";

/** A connection to another node, and what is lost if it breaks now. */
export interface Peer {
  readonly connection: Connection;
  readonly sent: Set<Delivery>;
}

/** Who receives a parcel: the member, and the machine it is on. */
export interface Receiver {
  readonly id: number;
  readonly host: number;
}

/** A class, not closures: tsx names each closure when it is made, which took longer than all else here. */
export class Delivery {
  readonly #node: SimulatedNode;
  readonly #around: Surroundings;
  readonly #view: GroupView;
  readonly #to: Receiver;
  readonly #parcel: Parcel;
  #again = false;

  constructor(node: SimulatedNode, around: Surroundings, view: GroupView, to: Receiver, parcel: Parcel) {
    [this.#node, this.#around, this.#view, this.#to, this.#parcel] = [node, around, view, to, parcel];
  }

  send(): void {
    const { host } = this.#to;
    const there = this.#around.at(host);
    if (there === "silent") return;
    const peer = this.#node.work.peer(host);
    if (!peer || !there) return this.#soon(2, () => this.#fail("connection refused"));
    peer.sent.add(this);
    peer.connection.send(0, () => {
      peer.sent.delete(this);
      there.work.take(this.#parcel);
    });
  }

  /** The connection broke. */
  lost(why: string): void {
    if (this.#again) return this.#isOver ? undefined : this.#fail(why);
    this.#soon(RETRY, () => {
      this.#again = true;
      this.send();
    });
  }

  get #isOver(): boolean {
    return this.#node.member.view !== this.#view;
  }

  #soon(ms: number, run: () => void): void {
    this.#around.world.after(ms, () => this.#node.process.do(() => this.#isOver || run()));
  }

  #fail(why: string): void {
    this.#node.tell({ type: "undelivered", to: this.#to.id, why });
  }
}
