/** A simulated node: the real rules of both sides, with a network, a clock and a disk that are not real. */
import { coordinate } from "../../src/exchange/coordinator-rules.ts";
import {
  newCoordinator,
  type Arrival,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
} from "../../src/exchange/coordinator-state.ts";
import { tickOf } from "../../src/exchange/limits.ts";
import { attend } from "../../src/exchange/member-rules.ts";
import {
  newMember,
  type CallEnd,
  type MemberEffect,
  type MemberEvent,
  type MemberState,
} from "../../src/exchange/member-state.ts";
import type { CoordinatorMessage, MemberMessage } from "../../src/exchange/messages.ts";
import { hashOf, initial, type Disk, type Values } from "./model.ts";
import type { Surroundings } from "./surroundings.ts";
import { Work } from "./work.ts";
import { Connection, Process } from "./world.ts";

export class SimulatedNode {
  readonly process = new Process();
  readonly host: number;
  readonly disk: Disk;
  member: MemberState;
  coordinator: CoordinatorState | undefined;
  readonly work: Work;
  readonly #around: Surroundings;
  readonly #incarnation: string;
  readonly #events: (() => void)[] = [];
  #busy = false;
  #clock = 0;
  #looked: number;
  /** Of the call to the coordinator; of the coordinator, by id. */
  #call: Connection | undefined;
  readonly #links = new Map<number, (message: CoordinatorMessage) => void>();
  readonly #hangUps = new Map<number, (how: CallEnd, why: string) => void>();
  #admitted: number | { reason: string; passing: boolean } | undefined;
  #arriving: ((id: number) => void) | undefined;
  /** Written when its step is known to be the same everywhere. */
  #toSave: Values[] = [];

  constructor(host: number, disk: Disk, around: Surroundings, incarnation: string) {
    const { setup, world } = around;
    [this.host, this.disk, this.#around, this.#incarnation] = [host, disk, around, incarnation];
    const values = disk.newest() ?? initial(setup.seed);
    this.work = new Work(this, around, values);
    this.#looked = world.now;
    const rules = { coordinates: host === 0, to: setup.to, fixed: false };
    this.member = newMember(rules, setup.deadline, values.step);
    if (host === 0) {
      const { shards, to, deadline } = setup;
      const finished = values.step >= to;
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
    if (this.#busy) return void this.#events.push(run);
    this.#busy = true;
    if (this.process.running) run();
    for (let next = this.#events.shift(); next; next = this.#events.shift()) if (this.process.running) next();
    this.#busy = false;
  }

  tell(event: MemberEvent): void {
    this.#inTurn(() => this.#attend(event));
  }

  #attend(event: MemberEvent): void {
    const { state, effects } = attend(this.member, event, this.#clock);
    this.member = state;
    for (const effect of effects) this.#perform(effect);
    if (this.#toSave.length > 0) this.#write();
    // The work tells these itself.
    if (event.type !== "waits" && event.type !== "turn") this.work.goOn();
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
        return this.work.endView();
      case "save":
        return this.#keep(this.work.values);
      case "tell":
        return world.say(this.name, effect.text);
      case "fetch":
        return this.work.fetch(effect.view);
      case "finish":
        return this.#exit(this.work.values.step >= setup.to ? 0 : 1, "finished");
      case "fail":
        if (effect.failure.kind === "differ") this.#different = true;
        return this.#exit(effect.failure.kind === "refused" ? 2 : 1, JSON.stringify(effect.failure));
    }
  }

  #different = false;

  #exit(code: number, why: string): void {
    // The last checkpoint is synced before the process ends; of nodes that differ there is none.
    if (!this.#different) {
      this.disk.write(this.work.values)();
      this.#around.onSaved(this, this.work.values);
    }
    this.#around.onExit(this, code, why);
  }

  /** Leaves as a signal says. */
  stop(): void {
    this.tell({ type: "leave" });
    if (this.coordinator) this.#coordinate({ type: "close", reason: "the coordinator stops" });
    this.#inTurn(() => this.#exit(143, "stopped"));
  }

  save(): void {
    this.#toSave.push(this.work.values);
  }

  #keep(values: Values): void {
    const done = this.disk.write(values);
    this.#around.onSaved(this, values);
    this.#around.world.after(20, () => this.process.do(done));
  }

  /** As the gate of the checkpoints does. */
  #write(): void {
    const { verified, call } = this.member;
    if (this.#different) return;
    const isDue = ({ step }: Values) => step <= verified || call !== "attending";
    for (const values of this.#toSave.filter(isDue)) this.#keep(values);
    this.#toSave = this.#toSave.filter((values) => !isDue(values));
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
    if (!connection || !there || there === "silent") return;
    connection.send(0, () => {
      const id = there.#ids.get(connection);
      if (id !== undefined) there.#coordinate({ type: "said", id, message });
    });
  }

  #hear(message: CoordinatorMessage, attempt: number): void {
    const hash = message.prepare ? hashOf(this.work.values) : "";
    this.tell({ type: "message", message, attempt, hash });
  }
}
