/** The coordinator's state, its events and its effects. */
import type { CoordinatorMessage, Member, MemberMessage, ParametersHash, Ready } from "./messages.ts";

/** Who reaches an address: processes of its machine, here or elsewhere also those of others. */
export type Locality = "loopback" | "here" | "elsewhere";

export interface Arrival {
  readonly address: string;
  /** Seen from the coordinator's machine; default "here". */
  readonly place?: Locality;
  /** 0: the next that is free. */
  readonly rank: number;
  /** See {@link Member}. */
  readonly collectivesPort: number;
  /** See {@link Hello}. */
  readonly node: string;
  readonly incarnation: string;
  /** Differences in its arithmetic; the node was admitted all the same. */
  readonly differing?: readonly string[];
}

export interface CoordinatorRules {
  readonly runId: string;
  /** Most members there can be. */
  readonly shards: number;
  /** Members without which it does not begin. */
  readonly world: number;
  /** The first members stay the only ones. */
  readonly fixed: boolean;
  /** ms within which members answer. */
  readonly deadline: number;
  /** Step after the last. */
  readonly to: number;
  /** The coordinator's own node begins with the last step. */
  readonly finished: boolean;
  /** Nodes may compute otherwise: those whose state differs take over that of the first. */
  readonly mixed: boolean;
  /** Parameters are compared, those of the last step too. */
  readonly verifies: boolean;
}

export interface Attending extends Member {
  readonly place: Locality;
  readonly node: string;
  readonly incarnation: string;
  /** The answer to the view in preparation. */
  ready: Ready | undefined;
  /** Has been part of a view. */
  entered: boolean;
  /** Time of its last message. */
  heard: number;
  /** Progress as last reported, and the time when it changed. */
  progress: number;
  progressed: number;
  /** Updates applied in this run, as it told; when it entered. */
  step: number;
  base: number;
  /** Members from which something has yet to arrive, as it reported. */
  waitsFor: readonly number[];
  /** Hash of its parameters, as last reported. */
  told: ParametersHash | undefined;
  /** Last step at which a view has found its state to be the run's. */
  same: number;
}

export interface Accusation {
  readonly by: number;
  readonly of: number;
  readonly reason: string;
  readonly silent: boolean;
  readonly patience: number;
  readonly at: number;
}

export interface CoordinatorState {
  readonly rules: CoordinatorRules;
  readonly members: readonly Readonly<Attending>[];
  readonly nextId: number;
  readonly view: number;
  /** "over": all have the last step, or the coordinator goes. */
  readonly phase: "gathering" | "preparing" | "settled" | "over";
  /** Time when the phase began. */
  readonly since: number;
  /** True once the members of the first view have arrived. */
  readonly begun: boolean;
  readonly accusations: readonly Accusation[];
  /** Times in a row that an incarnation was left out for its silence. */
  readonly idle: Readonly<Record<string, number>>;
  /** Time when a member was lost that may come back. */
  readonly lost: number | undefined;
  /** Last step after which all had the same parameters. */
  readonly verified: number;
}

export type CoordinatorEvent =
  | { readonly type: "join"; readonly arrival: Arrival }
  | { readonly type: "said"; readonly id: number; readonly message: MemberMessage }
  /** A member's connection broke. */
  | { readonly type: "gone"; readonly id: number; readonly why: string }
  | { readonly type: "tick" }
  | { readonly type: "close"; readonly reason: string };

/** "left out": it may come back. "superseded": another process has its place. "closed": nothing is there any more. */
export type Farewell = "left out" | "superseded" | "closed";

export type CoordinatorEffect =
  | { readonly type: "admit"; readonly id: number }
  /** `passing`: another attempt may succeed later. `address`: by another address. */
  | { readonly type: "refuse"; readonly reason: string; readonly passing: boolean; readonly address?: boolean }
  | { readonly type: "send"; readonly id: number; readonly message: CoordinatorMessage }
  | { readonly type: "end"; readonly id: number; readonly reason: string; readonly how: Farewell }
  | { readonly type: "tell"; readonly text: string };

/** A state that is being made; nobody else has it yet. What it holds is replaced, never changed. */
export interface CoordinatorDraft extends CoordinatorState {
  members: readonly Readonly<Attending>[];
  nextId: number;
  view: number;
  phase: CoordinatorState["phase"];
  since: number;
  begun: boolean;
  accusations: readonly Accusation[];
  idle: Readonly<Record<string, number>>;
  lost: number | undefined;
  verified: number;
  readonly effects: CoordinatorEffect[];
  readonly now: number;
}

export const newCoordinator = (rules: CoordinatorRules): CoordinatorState => ({
  ...{ rules, members: [], nextId: 1, view: 0, phase: "gathering", since: 0, begun: false },
  ...{ accusations: [], idle: {}, lost: undefined, verified: -1 },
});

/** Fields by name, here and below: V8 copies them ten times as fast as a spread. */
export function coordinatorDraft(state: CoordinatorState, now: number): CoordinatorDraft {
  const { rules, members, nextId, view, phase, since, begun, accusations, idle, lost, verified } = state;
  return { rules, members, nextId, view, phase, since, begun, accusations, idle, lost, verified, effects: [], now };
}

/** A copy of a member that may be changed. */
export function attendingCopy(member: Readonly<Attending>): Attending {
  const { id, rank, address, collectivesPort, place, node, incarnation, ready, entered, heard } = member;
  const { progress, progressed, step, base, waitsFor, told, same } = member;
  return { id, rank, address, collectivesPort, place, node, incarnation, ready, entered, heard, progress, progressed, step, base, waitsFor, told, same }; // prettier-ignore
}

export const byRank = (a: Member, b: Member) => a.rank - b.rank;
export const isOwn = ({ rank }: Member) => rank === 0;
