/** What the coordinator's rules go by: its state, what happens to it, and what follows. */
import type { CoordinatorMessage, Member, MemberMessage, ParametersHash, Ready } from "./messages.ts";

export interface Arrival {
  readonly address: string;
  /** 0: the next that is free. */
  readonly rank: number;
  /** As in {@link Member}. */
  readonly collectivesPort: number;
  /** As in {@link Hello}. */
  readonly node: string;
  readonly incarnation: string;
  /** How it computes otherwise; it was let in all the same. */
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
  readonly node: string;
  readonly incarnation: string;
  /** The answer to the view in preparation. */
  ready: Ready | undefined;
  /** Has been part of a view. */
  entered: boolean;
  /** When its last message came. */
  heard: number;
  /** As it told last, and when that changed. */
  progress: number;
  progressed: number;
  /** Updates applied in this run, as it told; when it entered. */
  step: number;
  base: number;
  /** As it told: members from which something is to come. */
  waitsFor: readonly number[];
  /** Of its parameters, as it told last. */
  told: ParametersHash | undefined;
  /** Up to this step its state is the run's: a view says so. */
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
  /** When the phase began. */
  readonly since: number;
  /** Members of the first view are there, or have been. */
  readonly begun: boolean;
  readonly accusations: readonly Accusation[];
  /** By incarnation: times in a row that it was left out for its silence. */
  readonly idle: Readonly<Record<string, number>>;
  /** When a member was lost that may come back. */
  readonly lost: number | undefined;
  /** After this step all had the same parameters. */
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
  /** `passing`: another attempt may succeed later. */
  | { readonly type: "refuse"; readonly reason: string; readonly passing: boolean }
  | { readonly type: "send"; readonly id: number; readonly message: CoordinatorMessage }
  | { readonly type: "end"; readonly id: number; readonly reason: string; readonly how: Farewell }
  | { readonly type: "tell"; readonly text: string };

/** A state that is being made; nobody else has it yet. */
export interface CoordinatorDraft extends CoordinatorState {
  members: Attending[];
  nextId: number;
  view: number;
  phase: CoordinatorState["phase"];
  since: number;
  begun: boolean;
  accusations: Accusation[];
  idle: Record<string, number>;
  lost: number | undefined;
  verified: number;
  readonly effects: CoordinatorEffect[];
  readonly now: number;
}

export const newCoordinator = (rules: CoordinatorRules): CoordinatorState => ({
  ...{ rules, members: [], nextId: 1, view: 0, phase: "gathering", since: 0, begun: false },
  ...{ accusations: [], idle: {}, lost: undefined, verified: -1 },
});

export const byRank = (a: Member, b: Member) => a.rank - b.rank;
export const isOwn = ({ rank }: Member) => rank === 0;
