/** Options of a node. */
import type { TrainState } from "../../training/train-state.ts";
import type { GroupView } from "../../exchange/messages.ts";
import type { MembershipOptions } from "./membership.ts";
import { stepsOf, type RunShape } from "./shares-of-view.ts";
import type { Wire } from "./wire.ts";

/** Parts of an exchange in seconds; one begins where the one before ends. */
export interface ExchangeTimes {
  /** Until the others' gradients are there, without the time of adding. */
  readonly waiting: number;
  /** Adding them in this node's range. */
  readonly adding: number;
  /** From the sum of this range to those of all ranges: sums are sent and come. */
  readonly sending: number;
}

/** Costs of an exchange. */
export interface ExchangeCost {
  /** Updates applied before it. */
  readonly step: number;
  /** Seconds from this node's last gradient to the sum. */
  readonly seconds: number;
  /** Bytes of vectors that this node sent. */
  readonly bytes: number;
  readonly rank: number;
  /** Number of nodes. */
  readonly nodes: number;
  /** Absent where TensorFlow's collectives exchange. */
  readonly times?: ExchangeTimes | undefined;
}

/** The place of a node among those of a view. */
export const placeIn = ({ members }: GroupView, id: number): Pick<ExchangeCost, "rank" | "nodes"> => ({
  rank: members.find((member) => member.id === id)!.rank,
  nodes: members.length,
});

export interface NodeOptions {
  readonly run: RunShape;
  readonly state: Pick<TrainState, "step" | "snapshot" | "restore" | "digest">;
  /** Step after the last. */
  readonly to: number;
  /** Once aborted, the node leaves before it computes more. */
  readonly signal?: AbortSignal | undefined;
  /** ms without news from the others after which those who are missing are left out; the coordinator's counts. */
  readonly deadline: number;
  readonly wire: Wire;
  /** Steps after which parameters are compared; 0: never. */
  readonly verifyEvery: number;
  readonly membership: Pick<MembershipOptions, "way" | "tell" | "save" | "clock">;
  /** Receives the step of a state that was taken over from other nodes. */
  readonly onTakenOver?: (step: number) => void;
  readonly onExchange?: (cost: ExchangeCost) => void;
  /** Begins to listen. @returns A function that ends it; `finished`: after the last step. */
  readonly listen: () => Promise<(finished: boolean) => Promise<void>>;
}

/** Selects the options of a node's membership. */
export const membershipOf = ({ membership, run, state, deadline, to, verifyEvery }: NodeOptions) => ({
  ...{ ...membership, deadline, step: state.step, to, verifyEvery },
  steps: stepsOf(run),
  digest: () => state.digest(),
});
