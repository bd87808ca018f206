/** A member's state, its events and its effects. */
import type { CoordinatorMessage, GroupView, MemberMessage, Phase } from "./messages.ts";

export interface MemberRules {
  /** The coordinator is of this process. */
  readonly coordinates: boolean;
  /** Step after the last. */
  readonly to: number;
  /** The first members stay the only ones. */
  readonly fixed: boolean;
}

/** Why a call to the coordinator ended. "refused": for a reason that lasts. */
export type CallEnd = "unreachable" | "refused" | "left out" | "superseded";

export interface MemberState {
  readonly rules: MemberRules;
  /** ms, of this node until the coordinator says the run's. */
  readonly deadline: number;
  readonly call: "none" | "calling" | "attending";
  /** Counts calls: what an earlier one says is past. */
  readonly attempt: number;
  /** Search for the coordinator: its reason and its end. */
  readonly looking:
    { readonly why: "first" | "left out" | "lost"; readonly until: number; readonly because: string } | undefined;
  readonly retryAt: number;
  /** Time when the call began. */
  readonly calledAt: number;
  /** Time when the coordinator was last heard. */
  readonly heard: number;
  readonly runId: string;
  readonly id: number;
  /** The newest view that was heard of. */
  readonly viewNumber: number;
  /** Undefined between two views. */
  readonly view: GroupView | undefined;
  /** The state is that of the view's step, or one that followed. */
  readonly caughtUp: boolean;
  /** The state came to be in this run, since the node was admitted. */
  readonly settled: boolean;
  readonly step: number;
  readonly hasSum: boolean;
  /** ms that its own shards took. */
  readonly computing: number;
  /** Time of the last turn, while its gradient is still to come. */
  readonly turnSince: number | undefined;
  /** True when a member came with the last view and no step was done since. */
  readonly entering: boolean;
  readonly waiting: { readonly phase: Phase; readonly from: readonly number[]; readonly since: number } | undefined;
  readonly progress: number;
  /** Times it was left out since it did a step. */
  readonly expulsions: number;
  /** Last step after which all nodes had the same parameters. */
  readonly verified: number;
  readonly ended: boolean;
}

export type MemberEvent =
  | { readonly type: "start" }
  | { readonly type: "message"; readonly message: CoordinatorMessage; readonly attempt: number; readonly hash?: string }
  | { readonly type: "ended"; readonly attempt: number; readonly how: CallEnd; readonly why: string }
  /** The state was taken over, or the sum applied, that the view asked for. */
  | { readonly type: "fetched"; readonly view: number; readonly hash: string }
  | { readonly type: "fetchFailed"; readonly view: number; readonly why: string }
  /** Something came that was waited for. */
  | { readonly type: "news" }
  | { readonly type: "turn" }
  | { readonly type: "gradient" }
  | { readonly type: "computed"; readonly ms: number }
  | { readonly type: "waits"; readonly phase: Phase; readonly from: readonly number[] }
  /** `hash`: of the parameters, where they are to be compared. */
  | { readonly type: "applied"; readonly step: number; readonly hash?: string | undefined }
  | { readonly type: "undelivered"; readonly to: number; readonly why: string }
  | { readonly type: "diverged"; readonly step: number; readonly value: number }
  | { readonly type: "tick" }
  | { readonly type: "leave" };

/** Why it cannot go on. */
export type MemberFailure =
  | { readonly kind: "refused" | "lost" | "not admitted" | "superseded" | "broken"; readonly why: string }
  | { readonly kind: "diverged"; readonly step: number; readonly value: number }
  | { readonly kind: "differ"; readonly step: number; readonly text: string };

export type MemberEffect =
  | { readonly type: "call"; readonly attempt: number }
  | { readonly type: "hangUp" }
  | { readonly type: "send"; readonly message: MemberMessage }
  /** Forbids to apply anything under the view before. */
  | { readonly type: "endView" }
  | { readonly type: "fetch"; readonly view: GroupView }
  /** The coordinator is gone: what is here is to be kept on disk. */
  | { readonly type: "save" }
  | { readonly type: "tell"; readonly text: string }
  | { readonly type: "fail"; readonly failure: MemberFailure }
  /** All that was to do is done. */
  | { readonly type: "finish" };

export interface MemberDraft extends MemberState {
  deadline: number;
  call: MemberState["call"];
  attempt: number;
  looking: MemberState["looking"];
  retryAt: number;
  calledAt: number;
  heard: number;
  runId: string;
  id: number;
  viewNumber: number;
  view: GroupView | undefined;
  caughtUp: boolean;
  settled: boolean;
  step: number;
  hasSum: boolean;
  computing: number;
  turnSince: number | undefined;
  entering: boolean;
  waiting: MemberState["waiting"];
  progress: number;
  expulsions: number;
  verified: number;
  ended: boolean;
  readonly effects: MemberEffect[];
  readonly now: number;
}

/** A draft of the state. Fields by name: V8 copies them ten times as fast as a spread. */
export function memberDraft(state: MemberState, now: number): MemberDraft {
  const { rules, deadline, call, attempt, looking, retryAt, calledAt, heard, runId, id, viewNumber, view } = state;
  const { caughtUp, settled, step, hasSum, computing, turnSince, entering, waiting, progress, expulsions } = state;
  const { verified, ended } = state;
  return { rules, deadline, call, attempt, looking, retryAt, calledAt, heard, runId, id, viewNumber, view, caughtUp, settled, step, hasSum, computing, turnSince, entering, waiting, progress, expulsions, verified, ended, effects: [], now }; // prettier-ignore
}

export const newMember = (rules: MemberRules, deadline: number, step: number): MemberState => ({
  ...{ rules, deadline, step, call: "none", attempt: 0, looking: undefined, retryAt: 0, calledAt: 0, heard: 0 },
  ...{ runId: "", id: 0, viewNumber: 0, view: undefined, caughtUp: false, settled: false, hasSum: false },
  ...{
    computing: 0,
    turnSince: undefined,
    entering: false,
    waiting: undefined,
    progress: 0,
    expulsions: 0,
    verified: -1,
    ended: false,
  },
});

/** Sums may be applied, and gradients are of use, only then. */
export const worksIn = ({ view, caughtUp, ended }: MemberState): GroupView | undefined =>
  caughtUp && !ended ? view : undefined;
