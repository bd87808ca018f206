/** Runs all replicas of local steps on one node, one after another. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { Bell } from "../base/bell.ts";
import { tf } from "../engine/tf.ts";
import { roundToInt8 } from "../ops/int8-blocks.ts";
import { sumInOrder } from "../ops/sum-tree.ts";
import { PartialSums } from "./partial-sums.ts";
import type { Group, ShardGradient, StepSum, Turn } from "./peers.ts";
import { roundedToInt8 } from "./rounded-to-int8.ts";

/** Options of {@link LocalGroup}. */
export interface LocalGroupOptions {
  readonly replicas: number;
  /** Steps per round. */
  readonly every: number;
  /** First round. */
  readonly from: number;
  /** Round at which to stop; it is not run. */
  readonly to: number;
  /** Once aborted, the current round is given up. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Rounds each replica's change and their sum to int8 in blocks, like nodes that exchange int8; default: no rounding.
   */
  readonly int8?: boolean;
}

const isSame = (a: Turn | undefined, b: Turn) => a?.step === b.step && a.shard === b.shard;
const concatenated = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

/** Yields each round's replicas in order, and sums their changes in the same order as several nodes. */
export class LocalGroup implements Group {
  readonly alone = false;
  applied = 0;
  readonly #options: LocalGroupOptions;
  readonly #moved = new Bell();
  readonly #sums = new PartialSums<Tensor1D>(
    (a, b) => tf.add(a, b),
    (value) => value.dispose(),
  );
  #losses: Pick<ShardGradient, "t" | "loss">[] = [];
  #owed: Turn | undefined;
  #apply: ((sum: StepSum) => void) | undefined;

  constructor(options: LocalGroupOptions) {
    this.#options = options;
  }

  get shards(): number {
    return this.#options.replicas;
  }

  get rounds(): number {
    return this.#options.every;
  }

  after({ step, shard }: Turn): Turn | undefined {
    const { replicas, to } = this.#options;
    if (shard + 1 < replicas) return { step, shard: shard + 1 };
    return step + 1 < to ? { step: step + 1, shard: 0 } : undefined;
  }

  /** Resolves immediately, because there are no other nodes. */
  async verified(): Promise<void> {}

  owes(turn: Turn): boolean {
    return isSame(this.#owed, turn);
  }

  reconsider(): void {
    if (this.#options.signal?.aborted) this.#settle();
  }

  add({ shard, values, t, loss }: ShardGradient): void {
    this.#sums.add(shard, this.#options.int8 ? roundedToInt8(values) : tf.clone(values));
    this.#losses.push({ t, loss });
    this.#settle();
  }

  onSum(apply: (sum: StepSum) => void): () => void {
    this.#apply = apply;
    return () => (this.#apply = undefined);
  }

  async *turns(closed: AbortSignal): AsyncGenerator<Turn, void, void> {
    const { replicas, from, to, signal } = this.#options;
    const ring = () => this.#moved.ring();
    closed.addEventListener("abort", ring);
    try {
      for (let step = from; step < to; step++) {
        for (let shard = 0; shard < replicas; shard++) {
          if (signal?.aborted) return;
          const turn = (this.#owed = { step, shard });
          yield turn;
          while (this.owes(turn) && !closed.aborted) await this.#moved.next();
          if (closed.aborted || this.#losses.length <= shard) return;
        }
        this.#commit(step);
      }
    } finally {
      closed.removeEventListener("abort", ring);
      this.#clear();
    }
  }

  #settle(): void {
    this.#owed = undefined;
    this.#moved.ring();
  }

  #commit(step: number): void {
    const sums = this.#sums.sums;
    const sum = tf.tidy(() => sumInOrder(sums, this.shards, (a, b) => tf.add<Tensor1D>(a, b)).dataSync().slice()); // prettier-ignore
    if (this.#options.int8) roundToInt8(sum as Float32Array);
    const join = (name: "t" | "loss") => concatenated(this.#losses.map((losses) => losses[name]));
    const whole = { step, sum: sum as Float32Array, t: join("t"), loss: join("loss") };
    this.#clear();
    this.applied++;
    this.#apply?.(whole);
  }

  #clear(): void {
    this.#sums.clear();
    this.#losses = [];
  }
}
