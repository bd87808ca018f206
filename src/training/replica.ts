/** One replica of the model in a round of local steps: it starts from the common state and takes steps of its own. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../engine/tf.ts";
import type { AdamState } from "./adam.ts";
import type { TrainState } from "./train-state.ts";

/**
 * Adam's moments at the start of a round. "averaged": the mean over the replicas after the round before, which is
 * exchanged with the parameters. "restarted": zero. "carried": those that the replica had; they are lost with its node.
 */
export type Moments = "averaged" | "restarted" | "carried";

type Common = Pick<TrainState, "step" | "adam">;
type Pair = Pick<AdamState, "m" | "v">;

/** A replica's round. */
export interface ReplicaRound {
  /** Its steps do not count: it was given up, or the round was computed elsewhere. */
  givenUp: boolean;
}

/** Owns its tensors; `dispose` frees them. */
export class Replica {
  readonly #moments: Moments;
  /** The round in hand; each has an object of its own. */
  round: ReplicaRound = { givenUp: false };
  #step = 0;
  #index = 0;
  #adam: AdamState | undefined;
  readonly #kept = new Map<number, Pair>();

  constructor(moments: Moments) {
    this.#moments = moments;
  }

  /** Steps behind it: those of the common state and its own. */
  get step(): number {
    return this.#step;
  }
  /** @throws RangeError before the first round. */
  get adam(): AdamState {
    if (!this.#adam) throw new RangeError("replica: no round has begun");
    return this.#adam;
  }
  get parameters(): Tensor1D {
    return this.adam.parameters;
  }

  /** Begins a round as the replica of this index; what was not finished is dropped. */
  begin(index: number, { step, adam }: Common): void {
    this.#free();
    this.round = { givenUp: false };
    this.#step = step;
    this.#index = index;
    const kept = this.#moments === "carried" ? this.#kept.get(index) : adam;
    const moments = this.#moments === "restarted" || !kept ? zeros(adam.m.size) : copies(kept);
    this.#adam = { parameters: tf.clone(adam.parameters), ...moments };
  }

  /** Takes over the state after one more update and frees the old one. */
  advance(next: AdamState): void {
    this.#free();
    this.#adam = next;
    this.#step++;
  }

  /** Keeps what the replica carries into its next round. */
  end(): void {
    if (this.#moments !== "carried") return;
    tf.dispose({ ...this.#kept.get(this.#index) });
    this.#kept.set(this.#index, copies(this.adam));
  }

  /**
   * The vectors that are summed over the replicas: the common parameters less its own, [P], and where they are averaged its moments,
   * [3P]. The caller owns it.
   */
  change(common: Common): Tensor1D {
    const { parameters, m, v } = this.adam;
    return tf.tidy(() => {
      const change = tf.sub<Tensor1D>(common.adam.parameters, parameters);
      return this.#moments === "averaged" ? tf.concat1d([change, m, v]) : change;
    });
  }

  dispose(): void {
    this.#free();
    for (const pair of this.#kept.values()) tf.dispose({ ...pair });
    this.#kept.clear();
  }

  #free(): void {
    if (this.#adam) tf.dispose({ ...this.#adam });
    this.#adam = undefined;
  }
}

/** Vectors of P values that are summed over the replicas. */
export const summedVectors = (moments: Moments): number => (moments === "averaged" ? 3 : 1);

const copies = ({ m, v }: Pair): Pair => ({ m: tf.clone(m), v: tf.clone(v) });
const zeros = (size: number): Pair => ({ m: tf.zeros([size]), v: tf.zeros([size]) });
