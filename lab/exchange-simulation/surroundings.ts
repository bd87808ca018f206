/** What simulated nodes share. */
import type { CoordinatorState } from "../../src/exchange/coordinator-state.ts";
import type { Phase } from "../../src/exchange/messages.ts";
import type { Values } from "./model.ts";
import type { SimulatedNode } from "./node.ts";
import type { Network, Random, World } from "./world.ts";

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
  /** Some nodes come to other numbers: states are compared at the end only, and where they are saved. */
  readonly drifts?: boolean;
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
  /** It begins to write a checkpoint. */
  readonly onSaved: (node: SimulatedNode, values: Values) => void;
  readonly onExit: (node: SimulatedNode, code: number, why: string) => void;
  /** The coordinator puts a node out for its silence. */
  readonly onLeftOut: (id: number, state: CoordinatorState, now: number) => void;
}

export interface Parcel {
  readonly runId: string;
  readonly view: number;
  readonly step: number;
  readonly from: number;
  readonly phase: Phase;
  readonly vectors: readonly Float32Array[];
}
