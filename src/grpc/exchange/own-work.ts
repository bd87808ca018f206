/** What a node has computed of the step in hand. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import type { Share } from "../../ops/shares.ts";
import type { ShardGradient } from "../../optim/peers.ts";
import { PartialSums } from "../../optim/partial-sums.ts";
import type { OwnTensors } from "./collective-round.ts";
import { joined } from "./joined.ts";
import type { Own } from "./round.ts";

type Losses = Pick<ShardGradient, "t" | "loss">;

export class OwnWork {
  readonly #sums = new PartialSums<Tensor1D>(
    (a, b) => tf.add(a, b),
    (value) => value.dispose(),
  );
  readonly #losses = new Map<number, Losses>();

  add({ shard, values, t, loss }: ShardGradient): void {
    this.#sums.add(shard, tf.clone(values));
    this.#losses.set(shard, { t, loss });
  }

  /** Keeps what is of use for the shards [first, end). @returns The shards that are missing. */
  missing({ first, end }: Share): number[] {
    for (const shard of this.#losses.keys()) if (shard < first || shard >= end) this.#losses.delete(shard);
    return this.#sums.narrow(first, end);
  }

  /** On the device; the sums stay this object's. */
  tensors(): OwnTensors {
    const shards = [...this.#losses.keys()].sort((a, b) => a - b);
    const join = (name: keyof Losses) => joined(shards.map((shard) => this.#losses.get(shard)![name]));
    return { sums: this.#sums.sums, t: join("t"), loss: join("loss") };
  }

  /** In host memory. */
  read(): Own {
    const { sums, ...losses } = this.tensors();
    const read = (value: Tensor1D) => value.dataSync() as Float32Array;
    return { sums: sums.map(({ subtree, value }) => ({ subtree, value: read(value) })), ...losses };
  }

  clear(): void {
    this.#sums.clear();
    this.#losses.clear();
  }
}
