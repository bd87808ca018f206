/** Those with whom a model is trained, as the stages of a pipeline see them. */
import type { Tensor1D } from "@tensorflow/tfjs";

/** A shard whose gradient this node is to compute next; with local steps a round, and the replica that is to go through it. */
export interface Turn {
  readonly step: number;
  readonly shard: number;
}

/** Gradient and losses of one step over all shards. */
export interface StepSum {
  readonly step: number;
  /** Sum of the shards' gradients, float32 [P]. */
  readonly sum: Float32Array;
  /** Time of every example, in the order of the shards. */
  readonly t: Float32Array;
  readonly loss: Float32Array;
}

/** The gradient of one shard; the tensor stays the caller's. */
export interface ShardGradient extends Turn {
  readonly values: Tensor1D;
  readonly t: Float32Array;
  readonly loss: Float32Array;
}

/** Training on one node. */
export interface Alone {
  readonly alone: true;
  readonly turns?: undefined;
}

/** Nodes that train together. */
export interface Group {
  readonly alone: false;
  /** Shards that a step is cut into. */
  readonly shards: number;
  /** Steps of a round with local steps, whose shards are replicas; absent: every step is exchanged. */
  readonly rounds?: number | undefined;
  /** Sums that {@link Group.onSum} has told of. */
  readonly applied: number;
  /**
   * Yields the turns to compute, in order; the next one comes once the gradient of the one before was added. Ends with
   * the run; returning leaves the group.
   *
   * @param closed Aborted when the consumer needs no more turns.
   */
  turns(closed: AbortSignal): AsyncGenerator<Turn, void, void>;
  /** The turn that follows if nobody comes or goes, if one is known. */
  after(turn: Turn): Turn | undefined;
  /**
   * Resolves once all nodes are known to have the same parameters after a step after which they compare them.
   *
   * @throws RunError when they have not.
   */
  verified(step: number): Promise<void>;
  /** Takes the gradient of the turn given last. */
  add(gradient: ShardGradient): void;
  /** True while the gradient of this turn is still to come. */
  owes(turn: Turn): boolean;
  /** Gives the turn in hand up when it is no longer this node's; asked between the steps of a turn of many steps. */
  reconsider(): void;
  /**
   * Calls `apply` once with each step's sum; it must apply the sum before it returns.
   *
   * @returns A function that ends this.
   */
  onSum(apply: (sum: StepSum) => void): () => void;
}

/** The nodes that train together: one alone, or a group. */
export type Peers = Alone | Group;

/** Nobody: a run in one process. */
export const alone = (): Peers => ({ alone: true });
