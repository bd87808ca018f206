/** The results that a node has computed for the step in hand. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { lend } from "../../engine/values.ts";
import { tf } from "../../engine/tf.ts";
import type { SubtreeSum } from "../../ops/sum-tree.ts";
import type { Share } from "../../base/shares.ts";
import type { ShardGradient } from "../../training/peers.ts";
import { PartialSums } from "../../training/partial-sums.ts";
import { roundedToInt8 } from "../../training/rounded-to-int8.ts";
import type { OwnTensors } from "./collective-round.ts";
import { joined } from "./joined.ts";
import type { RunShape } from "./shares-of-view.ts";

/** This node's results of a step; not to be written to. */
export interface Own {
  /** Sums of subtrees over its shards, in order, each of all parameters. */
  readonly sums: readonly SubtreeSum<Float32Array>[];
  readonly t: Float32Array;
  readonly loss: Float32Array;
  /** The sums are not read any more. */
  readonly takeBack: () => void;
}

type Losses = Pick<ShardGradient, "t" | "loss">;

export class OwnWork {
  readonly #int8: boolean;
  readonly #sums: PartialSums<Tensor1D>;
  readonly #losses = new Map<number, Losses>();

  /** @param run With `int8` results are rounded when they come, and stay one by one. */
  constructor({ int8 = false }: Pick<RunShape, "int8"> = {}) {
    this.#int8 = int8;
    this.#sums = new PartialSums<Tensor1D>(
      (a, b) => tf.add(a, b),
      (value) => value.dispose(),
      !int8,
    );
  }

  add({ shard, values, t, loss }: ShardGradient): void {
    this.#sums.add(shard, this.#int8 ? roundedToInt8(values) : tf.clone(values));
    this.#losses.set(shard, { t, loss });
  }

  /** Keeps what is of use for the shards [first, end). @returns The shards that are missing. */
  missing({ first, end }: Share): number[] {
    for (const shard of this.#losses.keys()) if (shard < first || shard >= end) this.#losses.delete(shard);
    return this.#sums.narrow(first, end);
  }

  /** Results on the device; the sums stay this object's. */
  tensors(): OwnTensors {
    const shards = [...this.#losses.keys()].sort((a, b) => a - b);
    const join = (name: keyof Losses) => joined(shards.map((shard) => this.#losses.get(shard)![name]));
    return { sums: this.#sums.sums, t: join("t"), loss: join("loss") };
  }

  /** Results in host memory. */
  lend(): Own {
    const { sums, ...losses } = this.tensors();
    const lent = sums.map(({ subtree, value }) => ({ subtree, ...lend(value) }));
    return {
      ...losses,
      sums: lent.map(({ subtree, values }) => ({ subtree, value: values })),
      takeBack: () => lent.forEach(({ takeBack }) => takeBack()),
    };
  }

  clear(): void {
    this.#sums.clear();
    this.#losses.clear();
  }
}
