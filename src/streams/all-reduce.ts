import { map, Observable, type OperatorFunction } from "rxjs";
import { UsageError } from "../base/errors.ts";
import { createBatch, floats } from "../data/batch.ts";
import { tf } from "../engine/tf.ts";
import type { Peers, StepSum } from "../training/peers.ts";
import { gradientOf, type Gradient } from "./gradient.ts";

export { alone } from "../training/peers.ts";

/**
 * Sums the gradients of the shards over all nodes that train together.
 *
 * A single node passes each shard's gradient on, and `accumulate` sums them. With peers, this stage takes the gradients
 * of this node's shards. It emits one {@link Gradient} per step, the mean over all shards of all nodes. The mean has
 * the same bits on every node, and on a single node. `accumulate` passes it on. Later stages must apply it before they
 * return, because each sum is emitted only once.
 *
 * @example
 * ```ts
 * shardGradients.pipe(allReduce(peers), accumulate(4));
 * ```
 * @returns One gradient per shard without peers; with peers one per step, with `info.shards` 1.
 */
export function allReduce(peers: Peers): OperatorFunction<Gradient<"shard">, Gradient<"reduced">> {
  if (peers.alone) return map((gradient) => ({ ...gradient, of: "reduced" }));
  if (peers.rounds !== undefined) {
    throw new UsageError(
      "exchange.mode=local: this pipeline exchanges the gradients of every step",
      "use localSteps in place of allReduce and adam, as trainingLoop does, or --set exchange.mode=sync",
    );
  }
  return (source) =>
    new Observable((subscriber) => {
      const stop = peers.onSum((sum) => emit(sum, peers.shards, (gradient) => subscriber.next(gradient)));
      subscriber.add(stop);
      subscriber.add(
        source.subscribe({
          next({ batch, values }) {
            const { step, shard } = batch.info;
            peers.add({ step, shard, values, t: floats(batch, "t").data, loss: floats(batch, "loss").data });
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
    });
}

/** Emits the mean, and frees it once the stages behind have used it. */
function emit({ step, sum, t, loss }: StepSum, shards: number, next: (gradient: Gradient<"reduced">) => void): void {
  const column = (data: Float32Array) => ({ data, shape: [] });
  const info = { step, shard: 0, shards: 1, firstSample: step * loss.length };
  const batch = createBatch({ t: column(t), loss: column(loss) }, info);
  // Computed as in `accumulate`, not on the host, which would keep subnormal numbers.
  const mean = tf.tidy(() => tf.mul(tf.tensor1d(sum), 1 / shards));
  try {
    next(gradientOf("reduced", batch, mean as ReturnType<typeof tf.tensor1d>));
  } finally {
    mean.dispose();
  }
}
