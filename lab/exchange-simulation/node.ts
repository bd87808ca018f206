/* eslint-disable max-lines -- both sides of a node, as one object that a plan can freeze and kill */
/** A simulated node: the real rules of both sides, with a network, a clock and a disk that are not real. */
import { admission } from "../../src/grpc/exchange/admission.ts";
import { coordinate } from "../../src/grpc/exchange/coordinator-rules.ts";
import {
  newCoordinator,
  type Arrival,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
} from "../../src/grpc/exchange/coordinator-state.ts";
import { tickOf } from "../../src/grpc/exchange/limits.ts";
import { attend } from "../../src/grpc/exchange/member-rules.ts";
import {
  newMember,
  worksIn,
  type CallEnd,
  type MemberEffect,
  type MemberEvent,
  type MemberState,
} from "../../src/grpc/exchange/member-state.ts";
import type { CoordinatorMessage, GroupView, MemberMessage, Phase } from "../../src/grpc/exchange/messages.ts";
import { rangeOf, shardsOf } from "../../src/grpc/exchange/shares-of-view.ts";
import { subtreesOf, sumInOrder } from "../../src/ops/sum-tree.ts";
import { add, applied, hashOf, initial, LENGTH, partials, type Disk, type Values } from "./model.ts";
import { Connection, Process, type Network, type Random, type World } from "./world.ts";

export interface Setup {
  readonly seed: number;
  readonly to: number;
  readonly shards: number;
  readonly world: number;
  /** ms. */
  readonly deadline: number;
  /** ms for a shard's gradient. */
  readonly shardTime: number;
  readonly saveEvery: number;
}

/** What the nodes share: where they are, and who watches them. */
export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly random: Random;
  readonly setup: Setup;
  /** The process at an address, if one listens there; "silent": what is sent there gets lost. */
  readonly at: (host: number) => SimulatedNode | "silent" | undefined;
  /** A state counts as the run's. */
  readonly onState: (node: SimulatedNode, values: Values) => void;
  readonly onExit: (node: SimulatedNode, code: number, why: string) => void;
  /** The coordinator puts a node out for its silence. */
  readonly onLeftOut: (id: number, state: CoordinatorState, now: number) => void;
}

interface Parcel {
  readonly view: number;
  readonly step: number;
  readonly from: number;
  readonly phase: Phase;
  readonly vectors: readonly Float32Array[];
}

export class SimulatedNode {
  readonly process = new Process();
  readonly host: number;
  readonly disk: Disk;
  member: MemberState;
  coordinator: CoordinatorState | undefined;
  values: Values;
  readonly #around: Surroundings;
  readonly #incarnation: string;
  readonly #events: (() => void)[] = [];
  #busy = false;
  #clock = 0;
  #looked: number;
  #sum: { step: number; sum: Float32Array } | undefined;
  /** Of the call to the coordinator; of the coordinator, by id. */
  #call: Connection | undefined;
  readonly #links = new Map<number, (message: CoordinatorMessage) => void>();
  readonly #hangUps = new Map<number, (how: CallEnd, why: string) => void>();
  #admitted: number | { reason: string; passing: boolean } | undefined;
  #arriving: ((id: number) => void) | undefined;
  readonly #peers = new Map<number, Connection>();
  #inbox = new Map<string, Parcel>();
  #early: Parcel[] = [];
  #own: { step: number; first: number; end: number } | undefined;
  #computing: string | undefined;
  #round: string | undefined;
  #gathered = false;
  /** Stops the way a signal does, when it can. */
  stopping = false;
  /** It computes nothing. */
  idle = false;

  constructor(host: number, disk: Disk, around: Surroundings, incarnation: string) {
    const { setup, world } = around;
    [this.host, this.disk, this.#around, this.#incarnation] = [host, disk, around, incarnation];
    this.values = disk.newest() ?? initial(setup.seed);
    this.#looked = world.now;
    const rules = { coordinates: host === 0, to: setup.to, fixed: false };
    this.member = newMember(rules, setup.deadline, this.values.step);
    if (host === 0) {
      const { shards, to, deadline } = setup;
      const finished = this.values.step >= to;
      this.coordinator = newCoordinator({ runId: incarnation, shards, world: setup.world, fixed: false, deadline, to, finished, mixed: false, verifies: true }); // prettier-ignore
    }
    this.#tick();
    this.tell({ type: "start" });
  }

  get name(): string {
    return `n${this.host}`;
  }

  #tick(): void {
    const { world, setup } = this.#around;
    const every = tickOf(setup.deadline);
    world.after(every, () =>
      this.process.do(() => {
        this.#clock += Math.min(world.now - this.#looked, 2 * every);
        this.#looked = world.now;
        if (this.coordinator) this.#coordinate({ type: "tick" });
        this.tell({ type: "tick" });
        this.#tick();
      }),
    );
  }

  /** One event after another, as in the real shell. */
  #inTurn(run: () => void): void {
    this.#events.push(run);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#events.shift(); next; next = this.#events.shift()) if (this.process.running) next();
    this.#busy = false;
  }

  tell(event: MemberEvent): void {
    this.#inTurn(() => {
      const { state, effects } = attend(this.member, event, this.#clock);
      this.member = state;
      for (const effect of effects) this.#perform(effect);
      this.#goOn();
    });
  }

  #coordinate(event: CoordinatorEvent): void {
    this.#inTurn(() => {
      const before = this.coordinator!;
      const { state, effects } = coordinate(before, event, this.#clock);
      this.coordinator = state;
      for (const effect of effects) this.#performFor(effect, before);
    });
  }

  #performFor(effect: CoordinatorEffect, before: CoordinatorState): void {
    const { world, onLeftOut } = this.#around;
    if (effect.type === "tell") return world.say(this.name, effect.text);
    if (effect.type === "refuse") return void (this.#admitted = effect);
    if (effect.type === "admit") {
      this.#admitted = effect.id;
      return this.#arriving?.(effect.id);
    }
    if (effect.type === "send") return this.#links.get(effect.id)?.(effect.message);
    if (effect.how === "left out") onLeftOut(effect.id, before, this.#clock);
    const how = effect.how === "closed" ? "unreachable" : effect.how;
    this.#links.delete(effect.id);
    this.#hangUps.get(effect.id)?.(how, effect.reason);
  }

  #perform(effect: MemberEffect): void {
    const { world, setup } = this.#around;
    switch (effect.type) {
      case "call":
        return this.#callUp(effect.attempt);
      case "hangUp":
        this.#call?.break("hung up");
        return;
      case "send":
        if (this.host === 0) return this.#coordinate({ type: "said", id: this.member.id, message: effect.message });
        return this.#sendUp(effect.message);
      case "endView":
        this.#inbox = new Map();
        this.#round = undefined;
        this.#early = this.#early.filter(({ view }) => view >= this.member.viewNumber);
        return;
      case "save":
        return this.save();
      case "tell":
        return world.say(this.name, effect.text);
      case "fetch":
        return this.#fetch(effect.view);
      case "finish":
        return this.#exit(this.values.step >= setup.to ? 0 : 1, "finished");
      case "fail":
        return this.#exit(effect.failure.kind === "refused" ? 2 : 1, JSON.stringify(effect.failure));
    }
  }

  #exit(code: number, why: string): void {
    // The last checkpoint is synced before the process ends.
    this.disk.write(this.values)();
    this.#around.onExit(this, code, why);
  }

  /** Leaves as a signal says. */
  stop(): void {
    this.tell({ type: "leave" });
    if (this.coordinator) this.#coordinate({ type: "close", reason: "the coordinator stops" });
    this.#inTurn(() => this.#exit(143, "stopped"));
  }

  save(): void {
    const done = this.disk.write(this.values);
    this.#around.world.after(20, () => this.process.do(done));
  }

  // ---- the call to the coordinator

  #callUp(attempt: number): void {
    const { at, world, network } = this.#around;
    const hello = { address: String(this.host), rank: 0, collectivesPort: 0, node: this.disk.identity, incarnation: this.#incarnation }; // prettier-ignore
    if (this.host === 0) {
      this.#arriving = (id) => this.#links.set(id, (message) => this.#hear(message, attempt));
      return this.#coordinate({ type: "join", arrival: hello });
    }
    const there = at(0);
    if (there === "silent") return;
    const fail = (how: CallEnd, why: string) => this.tell({ type: "ended", attempt, how, why });
    if (!there) return world.after(2, () => this.process.do(() => fail("unreachable", "connection refused")));
    const connection = new Connection(world, network, this, there);
    this.#call = connection;
    connection.onBreak[0] = (why) => fail("unreachable", why);
    connection.send(0, () => there.#answer(connection, hello, (message) => this.#hear(message, attempt), fail));
  }

  /** At the coordinator: somebody calls. */
  #answer(
    connection: Connection,
    hello: Arrival,
    hear: (message: CoordinatorMessage) => void,
    fail: (how: CallEnd, why: string) => void,
  ): void {
    const hangUp = (how: CallEnd, why: string) => {
      connection.send(1, () => {
        connection.open = false;
        fail(how, why);
      });
    };
    this.#arriving = (id) => {
      this.#links.set(id, (message) => connection.send(1, () => hear(message)));
      this.#hangUps.set(id, hangUp);
      connection.onBreak[1] = (why) => this.#coordinate({ type: "gone", id, why });
    };
    this.#coordinate({ type: "join", arrival: hello });
    const admitted = this.#admitted;
    if (typeof admitted === "object") return hangUp(admitted.passing ? "unreachable" : "refused", admitted.reason);
    this.#ids.set(connection, admitted!);
  }

  readonly #ids = new Map<Connection, number>();

  #sendUp(message: MemberMessage) {
    const [connection, there] = [this.#call, this.#around.at(0)];
    if (!connection || !(there instanceof SimulatedNode)) return;
    connection.send(0, () => {
      const id = there.#ids.get(connection);
      if (id !== undefined) there.#coordinate({ type: "said", id, message });
    });
  }

  #hear(message: CoordinatorMessage, attempt: number): void {
    const hash = message.prepare ? hashOf(this.values) : "";
    this.tell({ type: "message", message, attempt, hash });
  }

  // ---- between members

  #peer(host: number): Connection | undefined {
    const known = this.#peers.get(host);
    if (known?.open) return known;
    const there = this.#around.at(host);
    if (!(there instanceof SimulatedNode)) return undefined;
    const connection = new Connection(this.#around.world, this.#around.network, this, there);
    this.#peers.set(host, connection);
    return connection;
  }

  #hostOf({ address }: { address: string }): number {
    return address === "" ? 0 : Number(address);
  }

  #deliver(view: GroupView, to: GroupView["members"][number], phase: Phase, vectors: readonly Float32Array[]): void {
    const { at, world } = this.#around;
    const host = this.#hostOf(to);
    const there = at(host);
    if (there === "silent") return;
    const failed = (why: string) => this.member.view === view && this.tell({ type: "undelivered", to: to.id, why });
    const connection = this.#peer(host);
    if (!connection || !there) return world.after(2, () => this.process.do(() => failed("connection refused")));
    connection.onBreak[0] = failed;
    const parcel = { view: view.view, step: this.values.step, from: this.member.id, phase, vectors };
    connection.send(0, () => there.#take(parcel));
  }

  #take(parcel: Parcel): void {
    const { member, values } = this;
    const place = { view: member.view, viewNumber: member.viewNumber, step: values.step, settled: member.caughtUp };
    const { verdict } = admission(parcel, place);
    if (verdict === "wait") return void this.#early.push(parcel);
    if (verdict !== "take") return;
    this.#inbox.set(`${parcel.phase}/${parcel.from}`, parcel);
    this.tell({ type: "news" });
  }

  #fetch(view: GroupView): void {
    const { at, world, network } = this.#around;
    const source = view.members.find(({ id }) => id === view.source)!;
    const there = at(this.#hostOf(source));
    const failed = (why: string) => this.tell({ type: "fetchFailed", view: view.view, why });
    if (there === "silent") return;
    if (!there) return world.after(2, () => this.process.do(() => failed("connection refused")));
    const connection = new Connection(world, network, this, there);
    connection.onBreak[0] = (why) => failed(why);
    connection.send(0, () => {
      const { values } = there;
      const sum = there.#sum;
      const has = view.need === "STATE" ? values.step === view.step : sum?.step === view.step - 1;
      connection.send(1, () => {
        connection.open = false;
        if (!has) return failed("it does not have that");
        // A view that is over asks for nothing any more.
        if (this.member.view?.view !== view.view) return;
        if (view.need === "STATE") {
          this.values = values;
          this.#sum = undefined;
          this.disk.setAside(values.step);
        } else this.#apply(sum!.sum);
        this.tell({ type: "fetched", view: view.view, hash: hashOf(this.values) });
      });
    });
  }

  // ---- a step

  /** What the member may do now. */
  #goOn(): void {
    const { setup, world, onState } = this.#around;
    const view = worksIn(this.member);
    if (!view) return;
    onState(this, this.values);
    if (this.stopping) return this.stop();
    const { step } = this.values;
    if (step >= setup.to) return;
    const early = this.#early.splice(0);
    for (const parcel of early) this.#take(parcel);
    const key = `${view.view}/${step}`;
    const { first, end } = shardsOf(view, this.member.id, this.#shape());
    const have = this.#own && this.#own.step === step && this.#own.first <= first && this.#own.end >= end;
    if (!have) {
      if (this.#computing === key || this.idle) return;
      this.#computing = key;
      this.tell({ type: "turn" });
      const ms = (end - first) * setup.shardTime * (0.5 + this.#around.random());
      world.after(ms, () =>
        this.process.do(() => {
          if (this.#computing !== key) return;
          this.#computing = undefined;
          if (this.values.step === step) this.#own = { step, first, end };
          this.tell({ type: "gradient" });
          this.tell({ type: "computed", ms });
        }),
      );
      return;
    }
    if (this.#round !== key) {
      this.#round = key;
      this.#gathered = false;
      const sums = partials(this.values, first, end);
      for (const to of this.#others(view)) {
        const range = rangeOf(view, to.id, this.#shape());
        this.#deliver(view, to, "REDUCE", sums.map(({ value }) => value.slice(range.first, range.end))); // prettier-ignore
      }
    }
    this.#exchange(view, first, end);
  }

  readonly #shape = () => ({ shards: this.#around.setup.shards, shardSize: 1, parameters: LENGTH, bfloat16: false });
  readonly #others = (view: GroupView) => view.members.filter(({ id }) => id !== this.member.id);

  #missing(view: GroupView, phase: Phase): number[] {
    return this.#others(view).flatMap(({ id }) => (this.#inbox.has(`${phase}/${id}`) ? [] : [id]));
  }

  #waits(view: GroupView, phase: Phase): boolean {
    const from = this.#missing(view, phase);
    const { waiting } = this.member;
    const told = waiting?.phase === phase ? waiting.from.length : 0;
    if (told !== from.length) this.tell({ type: "waits", phase, from });
    return from.length > 0;
  }

  #exchange(view: GroupView, first: number, end: number): void {
    if (this.#waits(view, "REDUCE")) return;
    const { setup } = this.#around;
    const range = rangeOf(view, this.member.id, this.#shape());
    if (!this.#gathered) {
      this.#gathered = true;
      const parts = view.members.flatMap(({ id }) => {
        if (id === this.member.id) return partials(this.values, first, end).map(({ subtree, value }) => ({ subtree, value: value.slice(range.first, range.end) })); // prettier-ignore
        const share = shardsOf(view, id, this.#shape());
        const { vectors } = this.#inbox.get(`REDUCE/${id}`)!;
        return subtreesOf(share.first, share.end).map((subtree, i) => ({ subtree, value: vectors[i]! }));
      });
      const sum = sumInOrder(parts, setup.shards, add);
      const own = { view: view.view, step: this.values.step, from: this.member.id, phase: "GATHER" as const };
      this.#inbox.set(`GATHER/${this.member.id}`, { ...own, vectors: [sum] });
      for (const to of this.#others(view)) this.#deliver(view, to, "GATHER", [sum]);
    }
    if (this.#waits(view, "GATHER")) return;
    const whole = new Float32Array(LENGTH);
    for (const { id } of view.members) {
      whole.set(this.#inbox.get(`GATHER/${id}`)!.vectors[0]!, rangeOf(view, id, this.#shape()).first);
    }
    // Nothing is applied under a view that is over.
    if (worksIn(this.member) === view) this.#apply(whole);
  }

  #apply(sum: Float32Array): void {
    const { setup } = this.#around;
    this.#sum = { step: this.values.step, sum };
    this.values = applied(this.values, sum);
    this.#inbox = new Map();
    if (this.values.step % setup.saveEvery === 0) this.save();
    this.tell({ type: "applied", step: this.values.step, hash: hashOf(this.values) });
  }
}
