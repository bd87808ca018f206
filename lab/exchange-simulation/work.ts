/** The work of a simulated node: what it computes, sends, sums up and applies, and what it fetches. */
import { admission } from "../../src/exchange/admission.ts";
import { worksIn } from "../../src/exchange/member-state.ts";
import type { GroupView, Member, Phase } from "../../src/exchange/messages.ts";
import { rangeOf, shardsOf } from "../../src/grpc/exchange/shares-of-view.ts";
import { subtreesOf, sumInOrder, type SubtreeSum } from "../../src/ops/sum-tree.ts";
import { Delivery, type Peer } from "./delivery.ts";
import { add, applied, hashOf, LENGTH, partials, type Values } from "./model.ts";
import type { SimulatedNode } from "./node.ts";
import type { Parcel, Surroundings } from "./surroundings.ts";
import { Connection } from "./world.ts";

/** More than a run has. */
const STEPS = 1000;

type Came = Record<"REDUCE" | "GATHER", Map<number, Parcel>>;

const nothing = (): Came => ({ REDUCE: new Map(), GATHER: new Map() });

export class Work {
  values: Values;
  /** It computes nothing. */
  idle = false;
  /** ms that the next turn's gradient takes longer. */
  #pause = 0;
  readonly #node: SimulatedNode;
  readonly #around: Surroundings;
  #sum: { step: number; sum: Float32Array } | undefined;
  readonly #peers = new Map<number, Peer>();
  #came = nothing();
  #early: Parcel[] = [];
  #own: { step: number; first: number; end: number } | undefined;
  #computing: number | undefined;
  #round: number | undefined;
  /** Of its own shards, in this round. */
  #sums: readonly SubtreeSum<Float32Array>[] = [];
  #gathered = false;
  #told: Values | undefined;
  #share: { readonly view: GroupView; readonly first: number; readonly end: number } | undefined;

  constructor(node: SimulatedNode, around: Surroundings, values: Values) {
    [this.#node, this.#around, this.values] = [node, around, values];
  }

  /** The view is over. */
  endView(): void {
    this.#came = nothing();
    this.#round = undefined;
    this.#early = this.#early.filter(({ view }) => view >= this.#node.member.viewNumber);
  }

  peer(host: number): Peer | undefined {
    const known = this.#peers.get(host);
    if (known?.connection.open) return known;
    const { at, world, network } = this.#around;
    const there = at(host);
    if (!there || there === "silent") return undefined;
    const peer: Peer = { connection: new Connection(world, network, this.#node, there), sent: new Set() };
    peer.connection.onBreak[0] = (why) => peer.sent.forEach((delivery) => delivery.lost(why));
    this.#peers.set(host, peer);
    return peer;
  }

  #hostOf({ address }: { address: string }): number {
    return address === "" ? 0 : Number(address);
  }

  #deliver(view: GroupView, to: Member, phase: Phase, vectors: readonly Float32Array[]): void {
    const node = this.#node;
    const { id: from, runId } = node.member;
    const parcel = { runId, view: view.view, step: this.values.step, from, phase, vectors };
    new Delivery(node, this.#around, view, { id: to.id, host: this.#hostOf(to) }, parcel).send();
  }

  take(parcel: Parcel): void {
    const { runId, view, viewNumber, caughtUp: settled } = this.#node.member;
    if (parcel.runId !== runId) return;
    const { verdict } = admission(parcel, { view, viewNumber, step: this.values.step, settled });
    if (verdict === "wait") return void this.#early.push(parcel);
    if (verdict !== "take") return;
    this.#came[parcel.phase as keyof Came].set(parcel.from, parcel);
    this.#node.tell({ type: "news" });
  }

  /** Gets what the view says. */
  fetch(view: GroupView): void {
    const node = this.#node;
    const { at, world, network } = this.#around;
    world.say(node.name, `fetches ${view.need} from member ${view.source}`);
    const there = at(this.#hostOf(view.members.find(({ id }) => id === view.source)!));
    const failed = (why: string) => node.tell({ type: "fetchFailed", view: view.view, why });
    if (there === "silent") return;
    if (!there) return world.after(2, () => node.process.do(() => failed("connection refused")));
    const connection = new Connection(world, network, node, there);
    connection.onBreak[0] = (why) => failed(why);
    connection.send(0, () => {
      const { values } = there.work;
      const sum = there.work.#sum;
      const has = view.need === "STATE" ? values.step === view.step : sum?.step === view.step - 1;
      connection.send(1, () => {
        connection.open = false;
        if (!has) return failed("it does not have that");
        // A view that is over asks for nothing any more.
        if (node.member.view?.view !== view.view) return;
        if (view.need === "STATE") this.#takeOver(values);
        else this.#apply(sum!.sum);
        node.tell({ type: "fetched", view: view.view, hash: hashOf(this.values) });
      });
    });
  }

  #takeOver(values: Values): void {
    this.values = values;
    this.#sum = undefined;
    this.#node.disk.setAside(values.step);
  }

  /** Does what the member may do now. */
  goOn(): void {
    const { setup, onState } = this.#around;
    const view = worksIn(this.#node.member);
    if (!view) return;
    if (this.#told !== this.values) onState(this.#node, (this.#told = this.values));
    const { step } = this.values;
    if (step >= setup.to) return;
    if (this.#early.length > 0) for (const parcel of this.#early.splice(0)) this.take(parcel);
    const key = view.view * STEPS + step;
    if (this.#share?.view !== view) this.#share = { view, ...shardsOf(view, this.#node.member.id, this.#shape()) };
    const { first, end } = this.#share;
    const have = this.#own && this.#own.step === step && this.#own.first <= first && this.#own.end >= end;
    if (!have) return this.#compute(key, first, end);
    if (this.#round !== key) {
      this.#round = key;
      this.#gathered = false;
      this.#sums = partials(this.values, first, end);
      for (const to of this.#others(view)) {
        const range = rangeOf(view, to.id, this.#shape());
        this.#deliver(view, to, "REDUCE", this.#sums.map(({ value }) => value.slice(range.first, range.end))); // prettier-ignore
      }
    }
    this.#exchange(view);
  }

  #compute(key: number, first: number, end: number): void {
    if (this.#computing === key || this.idle) return;
    const node = this.#node;
    const { setup, world, random } = this.#around;
    const { step } = this.values;
    this.#computing = key;
    node.tell({ type: "turn" });
    const ms = (end - first) * setup.shardTime * (0.5 + random()) + this.#pause;
    this.#pause = 0;
    world.after(ms, () =>
      node.process.do(() => {
        if (this.#computing !== key) return;
        this.#computing = undefined;
        if (this.values.step === step) this.#own = { step, first, end };
        node.tell({ type: "gradient" });
        node.tell({ type: "computed", ms });
      }),
    );
  }

  readonly #shape = () => ({ shards: this.#around.setup.shards, shardSize: 1, parameters: LENGTH, bfloat16: false });
  readonly #others = (view: GroupView) => view.members.filter(({ id }) => id !== this.#node.member.id);

  #waits(view: GroupView, phase: keyof Came): boolean {
    const { waiting, id: own } = this.#node.member;
    const came = this.#came[phase];
    // Only members are taken from; the own sum is there too.
    const missing = view.members.length - 1 - (came.has(own) ? came.size - 1 : came.size);
    if ((waiting?.phase === phase ? waiting.from.length : 0) !== missing) {
      const from = view.members.filter(({ id }) => id !== own && !came.has(id)).map(({ id }) => id);
      this.#node.tell({ type: "waits", phase, from });
    }
    return missing > 0;
  }

  #exchange(view: GroupView): void {
    if (this.#waits(view, "REDUCE")) return;
    const { id: own, runId } = this.#node.member;
    if (!this.#gathered) {
      this.#gathered = true;
      const range = rangeOf(view, own, this.#shape());
      const parts = view.members.flatMap(({ id }) => {
        if (id === own) return this.#sums.map(({ subtree, value }) => ({ subtree, value: value.slice(range.first, range.end) })); // prettier-ignore
        const share = shardsOf(view, id, this.#shape());
        const { vectors } = this.#came.REDUCE.get(id)!;
        return subtreesOf(share.first, share.end).map((subtree, i) => ({ subtree, value: vectors[i]! }));
      });
      const sum = sumInOrder(parts, this.#around.setup.shards, add);
      const about = { runId, view: view.view, step: this.values.step, from: own, phase: "GATHER" as const };
      this.#came.GATHER.set(own, { ...about, vectors: [sum] });
      for (const to of this.#others(view)) this.#deliver(view, to, "GATHER", [sum]);
    }
    if (this.#waits(view, "GATHER")) return;
    const whole = new Float32Array(LENGTH);
    for (const { id } of view.members) {
      whole.set(this.#came.GATHER.get(id)!.vectors[0]!, rangeOf(view, id, this.#shape()).first);
    }
    // Nothing is applied under a view that is over.
    if (worksIn(this.#node.member) === view) this.#apply(whole);
  }

  #apply(sum: Float32Array): void {
    const { setup } = this.#around;
    this.#sum = { step: this.values.step, sum };
    this.values = applied(this.values, sum);
    this.#came = nothing();
    if (this.values.step % setup.saveEvery === 0) this.#node.save();
    this.#node.tell({ type: "applied", step: this.values.step, hash: hashOf(this.values) });
  }

  /** Does something else first, with the next turn in hand. */
  pause(ms: number): void {
    this.#pause = ms;
  }

  /** Comes to other numbers than the other nodes. */
  drift(): void {
    const vector = this.values.vector.map((value, i) => (i === 0 ? value + 0.5 : value));
    this.values = { ...this.values, vector };
  }
}
