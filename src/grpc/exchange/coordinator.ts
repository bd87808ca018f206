/** Who belongs to the run: numbered views, each agreed on before work goes on. No gRPC here. */
import { sanitizeText } from "../../base/sanitize-text.ts";
import type { CoordinatorMessage } from "./messages.ts";
import type { GroupView } from "./messages.ts";
import type { Member } from "./messages.ts";
import type { MemberMessage } from "./messages.ts";

/** The way to a member. */
export interface Link {
  send(message: CoordinatorMessage): void;
  /** Puts the member out; `closed`: there is nothing to come back to. */
  end(reason: string, closed: boolean): void;
}

export interface Arrival {
  readonly address: string;
  /** 0: the next that is free. */
  readonly rank: number;
  /** As in {@link Member}; default 0. */
  readonly collectivesPort?: number;
}

export interface CoordinatorOptions {
  readonly runId: string;
  /** Most members there can be. */
  readonly shards: number;
  /** Members without which it does not begin. */
  readonly world: number;
  /** The first members stay the only ones. */
  readonly fixed: boolean;
  /** Ticks within which members answer. */
  readonly patience: number;
  readonly tell: (text: string) => void;
}

/** Why a node may not join. */
export class JoinRefused extends Error {
  override readonly name = "JoinRefused";
  /** Another attempt may succeed later. */
  readonly passing: boolean;

  constructor(message: string, passing = false) {
    super(message);
    this.passing = passing;
  }
}

interface Attending extends Member {
  readonly link: Link;
  /** Updates applied, as answered to the view in preparation. */
  ready: number | undefined;
  /** Has been part of a view. */
  entered: boolean;
}

const byRank = (a: Member, b: Member) => a.rank - b.rank;

/**
 * Agrees on views in two rounds. `prepare` stops everybody from applying more under the view before; once all have
 * answered with their step, `view` says who takes part from the newest of these steps on and what each has to fetch.
 *
 * Members of one view are at most one step apart: nobody can apply step k before everybody has sent its part of it.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #members = new Map<number, Attending>();
  #nextId = 1;
  #view = 0;
  #phase: "gathering" | "preparing" | "settled" = "gathering";
  #ticks = 0;
  /** Members of the first view are there, or have been. */
  #begun = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#members.size;
  }

  /** The number of the newest view. */
  get view(): number {
    return this.#view;
  }

  /**
   * Admits a node; the first one is the coordinator's own, of rank 0.
   *
   * @returns Its id.
   * @throws JoinRefused
   */
  join(link: Link, { address, rank: wanted, collectivesPort = 0 }: Arrival): number {
    const { shards, world, fixed, runId, tell } = this.#options;
    const first = this.#nextId === 1;
    const taken = new Map([...this.#members.values()].map((member) => [member.rank, member]));
    if (this.size >= shards) {
      throw new JoinRefused(`training.shards: ${shards} shards are for at most ${shards} nodes, and so many are there`);
    }
    if (fixed && this.#begun)
      throw new JoinRefused(`the ${world} nodes that began stay the only ones (exchange.engine)`);
    const holder = first ? undefined : taken.get(wanted);
    if (wanted > 0 && holder) throw new JoinRefused(`rank ${wanted} is taken by ${holder.address}`, true);
    let rank = first ? 0 : wanted || 1;
    while (taken.has(rank)) rank++;
    const id = this.#nextId++;
    this.#members.set(id, { id, rank, address, collectivesPort, link, ready: undefined, entered: false });
    link.send({ welcome: { runId, id, rank } });
    if (!first) tell(`node ${rank} has joined from ${address}`);
    if (!this.#begun && this.size < world) tell(`${this.size} of ${world} nodes are here; waiting for the others`);
    else this.#change();
    return id;
  }

  /** What a member says. */
  receive(id: number, { ready, suspect, diverged, leave }: MemberMessage): void {
    const member = this.#members.get(id);
    if (!member) return;
    if (leave) return this.#remove(member, "has left");
    if (diverged) return this.#members.forEach(({ link }) => link.send({ diverged }));
    if (ready && ready.view === this.#view && this.#phase === "preparing") {
      member.ready = ready.step;
      this.#settle();
    }
    if (suspect && suspect.view === this.#view && this.#phase === "settled") this.#suspect(member, suspect);
  }

  #suspect(accuser: Attending, { id, reason: said }: { readonly id: number; readonly reason: string }): void {
    const reason = sanitizeText(said);
    const accused = this.#members.get(id);
    if (!accused) return;
    // The coordinator cannot go: who cannot reach it does.
    const [out, why] = accused.rank === 0 ? [accuser, `cannot go on with node 0: ${reason}`] : [accused, reason];
    if (out.rank === 0) return;
    this.#remove(out, `is left out: it ${why}`, `left out by node ${accuser.rank}: ${reason}`);
  }

  /** A member's link broke. */
  gone(id: number, why: string): void {
    const member = this.#members.get(id);
    if (member) this.#remove(member, `is gone: ${why}`);
  }

  /** @param farewell What it is told, if its link still stands. */
  #remove(member: Attending, what: string, farewell?: string): void {
    // First: the end of its link removes it too.
    this.#members.delete(member.id);
    if (farewell !== undefined) member.link.end(farewell, false);
    this.#options.tell(`node ${member.rank} ${what}; ${this.size} of ${this.size + 1} nodes stay`);
    if (this.#begun && this.size > 0) this.#change();
  }

  #change(): void {
    this.#begun = true;
    this.#phase = "preparing";
    this.#ticks = 0;
    const view = ++this.#view;
    for (const member of this.#members.values()) member.ready = undefined;
    // A member may answer within the call, and the last answer settles the view.
    for (const { link } of [...this.#members.values()]) if (view === this.#view) link.send({ prepare: { view } });
  }

  #settle(): void {
    const members = [...this.#members.values()].sort(byRank);
    if (members.some(({ ready }) => ready === undefined)) return;
    // At the beginning, the newest state; later on that of those who were there.
    const old = members.some(({ entered }) => entered) ? members.filter(({ entered }) => entered) : members;
    const step = Math.max(...old.map(({ ready }) => ready!));
    const source = old.find(({ ready }) => ready === step)!;
    const entering = members.some(({ entered }) => !entered);
    const about = members.map(({ id, rank, address, collectivesPort }) => ({ id, rank, address, collectivesPort }));
    const needOf = ({ id, entered, ready }: Attending): GroupView["need"] => {
      if (id === source.id || (entered && ready === step)) return "NOTHING";
      return entered && ready === step - 1 ? "SUM" : "STATE";
    };
    this.#phase = "settled";
    const views = members.map((member) => {
      const need = needOf(member);
      member.entered = true;
      const from = need === "NOTHING" ? 0 : source.id;
      return () => member.link.send({ view: { view: this.#view, step, members: about, need, source: from, entering } });
    });
    for (const send of views) send();
  }

  /** A tenth of the deadline has passed, in which messages could come. */
  tick(): void {
    if (this.#phase !== "preparing" || ++this.#ticks < this.#options.patience) return;
    const silent = [...this.#members.values()].filter(({ ready, rank }) => ready === undefined && rank > 0);
    this.#ticks = 0;
    const why = "did not answer in time";
    for (const member of silent) this.#remove(member, `is left out: it ${why}`, `left out: it ${why}`);
  }

  /** Puts everybody out. */
  close(reason: string): void {
    const members = [...this.#members.values()];
    this.#members.clear();
    this.#phase = "gathering";
    for (const { link, rank } of members) if (rank > 0) link.end(reason, true);
  }
}
