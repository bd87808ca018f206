/** The coordinator: its rules, and the ways to its members. */
import { coordinate } from "../../exchange/coordinator-rules.ts";
import {
  newCoordinator,
  type Arrival,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorRules,
  type CoordinatorState,
  type Farewell,
} from "../../exchange/coordinator-state.ts";
import { Machine, type ListeningClock } from "../../exchange/machine.ts";
import type { CoordinatorMessage, MemberMessage } from "../../exchange/messages.ts";

/** The way to a member. */
export interface Link {
  send(message: CoordinatorMessage): void;
  /** Puts the member out. */
  end(reason: string, how: Farewell): void;
}

/** Why a node may not join. */
export class JoinRefused extends Error {
  override readonly name = "JoinRefused";
  /** Another attempt may succeed later. */
  readonly passing: boolean;
  /** By another address. */
  readonly address: boolean;

  constructor(message: string, passing: boolean, address = false) {
    super(message);
    this.passing = passing;
    this.address = address;
  }
}

export class Coordinator {
  readonly #machine: Machine<CoordinatorState, CoordinatorEvent, CoordinatorEffect>;
  readonly #links = new Map<number, Link>();
  readonly #tell: (text: string) => void;
  #arriving: Link | undefined;
  #answer: number | JoinRefused | undefined;

  constructor(rules: CoordinatorRules, clock: ListeningClock, tell: (text: string) => void) {
    this.#machine = new Machine(newCoordinator(rules), coordinate, clock, (effect) => this.#perform(effect));
    this.#tell = tell;
  }

  get size(): number {
    return this.#machine.state.members.length;
  }

  /**
   * Admits a node; the first one is the coordinator's own, of rank 0.
   *
   * @returns Its id.
   * @throws JoinRefused
   */
  join(link: Link, arrival: Arrival): number {
    this.#arriving = link;
    this.#machine.dispatch({ type: "join", arrival });
    if (this.#answer instanceof JoinRefused) throw this.#answer;
    return this.#answer!;
  }

  /** Takes a member's message. */
  receive(id: number, message: MemberMessage): void {
    this.#machine.dispatch({ type: "said", id, message });
  }

  /** A member's link broke. */
  gone(id: number, why: string): void {
    this.#machine.dispatch({ type: "gone", id, why });
  }

  tick(): void {
    this.#machine.dispatch({ type: "tick" });
  }

  /** Puts everybody out. */
  close(reason: string): void {
    this.#machine.dispatch({ type: "close", reason });
  }

  #perform(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case "tell":
        return this.#tell(effect.text);
      case "refuse":
        this.#answer = new JoinRefused(effect.reason, effect.passing, effect.address);
        return;
      case "admit":
        this.#answer = effect.id;
        this.#links.set(effect.id, this.#arriving!);
        return;
      case "send":
        return this.#links.get(effect.id)?.send(effect.message);
      case "end": {
        const link = this.#links.get(effect.id);
        this.#links.delete(effect.id);
        link?.end(effect.reason, effect.how);
      }
    }
  }
}
