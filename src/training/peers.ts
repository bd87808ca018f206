/** The nodes that train a model together, as the stages of a pipeline see them. */
import type { Tensor1D } from "@tensorflow/tfjs";

/** A shard whose gradient this node computes next; with local steps, a round and the replica that runs it. */
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
  /** The shards [first, end) whose gradients this node gave; absent: unknown. */
  readonly own?: { readonly first: number; readonly end: number };
}

/** The gradient of one shard; the caller keeps ownership of the tensor. */
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
  /** Shards per step. */
  readonly shards: number;
  /** Steps per round of local steps, whose shards are replicas; absent: nodes exchange every step. */
  readonly rounds?: number | undefined;
  /** Number of sums that {@link Group.onSum} has passed on. */
  readonly applied: number;
  /**
   * Yields the turns to compute, in order. The next one comes once the gradient of the last one has been added. The
   * generator ends with the run; returning from it leaves the group.
   *
   * @param closed Aborted when the consumer needs no more turns.
   */
  turns(closed: AbortSignal): AsyncGenerator<Turn, void, void>;
  /** Returns the turn that follows if no node joins or leaves; undefined if it is not known. */
  after(turn: Turn): Turn | undefined;
  /**
   * Resolves once all nodes have compared their parameters after this step and found them equal.
   *
   * @throws RunError when they differ.
   */
  verified(step: number): Promise<void>;
  /** Takes the gradient of the last turn. */
  add(gradient: ShardGradient): void;
  /** True while the gradient of this turn is missing. */
  owes(turn: Turn): boolean;
  /** Gives up the current turn if it no longer belongs to this node; called between the steps of a long turn. */
  reconsider(): void;
  /**
   * Calls `apply` once with the sum of each step; `apply` must apply the sum before it returns.
   *
   * @returns A function that stops these calls.
   */
  onSum(apply: (sum: StepSum) => void): () => void;
}

/** The nodes that train together: one alone, or a group. */
export type Peers = Alone | Group;

/** Returns the peers of a run in one process: none. */
export const alone = (): Peers => ({ alone: true });
