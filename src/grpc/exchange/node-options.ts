/** What a node is made of. */
import type { TrainState } from "../../training/train-state.ts";
import type { MembershipOptions } from "./membership.ts";
import type { RunShape } from "./shares-of-view.ts";
import type { Wire } from "./wire.ts";

/** What an exchange cost. */
export interface ExchangeCost {
  /** Updates applied before it. */
  readonly step: number;
  /** From this node's last gradient to the sum. */
  readonly seconds: number;
  /** Bytes of vectors that it sent. */
  readonly bytes: number;
}

export interface NodeOptions {
  readonly run: RunShape;
  readonly state: Pick<TrainState, "step" | "snapshot" | "restore" | "digest">;
  /** Step after the last. */
  readonly to: number;
  /** Once aborted, the node leaves before it computes more. */
  readonly stop?: AbortSignal | undefined;
  /** ms without news from the others after which those who are missing are left out; the coordinator's counts. */
  readonly deadline: number;
  readonly wire: Wire;
  /** Steps after which parameters are compared; 0: never. */
  readonly verifyEvery: number;
  readonly membership: Pick<MembershipOptions, "way" | "tell" | "save" | "clock">;
  /** Told that the state is that of other nodes, of so many steps. */
  readonly onTakenOver?: (step: number) => void;
  readonly onExchange?: (cost: ExchangeCost) => void;
  /** Begins to listen. @returns A function that ends it; `finished`: after the last step. */
  readonly listen: () => Promise<(finished: boolean) => Promise<void>>;
}

/** What a node's membership takes from its options. */
export const membershipOf = ({ membership, state, deadline, to, verifyEvery }: NodeOptions) => ({
  ...{ ...membership, deadline, step: state.step, to, verifyEvery },
  digest: () => state.digest(),
});
