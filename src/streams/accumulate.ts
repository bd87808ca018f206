import type { Tensor1D } from "@tensorflow/tfjs";
import { concatMap, concatWith, defer, EMPTY, map, of, type OperatorFunction } from "rxjs";
import { createBatch, floats, type Batch } from "../data/batch.ts";
import { tf } from "../engine/tf.ts";
import { gradientOf, type Gradient } from "./gradient.ts";
import { owning } from "./owning.ts";

/** Sum of 2^level shards. */
interface Partial {
  readonly level: number;
  readonly values: Tensor1D;
}

/** Sums the shards of one step in binary-tree order, as they arrive. */
class ShardSum {
  readonly batches: Batch<"t" | "loss">[] = [];
  readonly #shards: number;
  #partials: Partial[] = [];

  constructor(shards: number) {
    this.#shards = shards;
  }

  /** @throws RangeError when it is not the next shard. */
  add({ batch, values }: Gradient): void {
    const { step, shard } = batch.info;
    const first = this.batches[0]?.info ?? { step, shard: shard - (shard % this.#shards) };
    const wanted = { step: first.step, shard: first.shard + this.batches.length };
    if (step !== wanted.step || shard !== wanted.shard) {
      throw new RangeError(
        `accumulate: expected shard ${wanted.shard} of step ${wanted.step}, got ${shard} of ${step}`,
      );
    }
    this.batches.push(batch);
    this.#partials.push({ level: 0, values: tf.clone(values) });
    while (this.#partials.at(-1)!.level === this.#partials.at(-2)?.level) this.#merge();
  }

  #merge(): void {
    const [a, b] = this.#partials.splice(-2) as [Partial, Partial];
    try {
      this.#partials.push({ level: a.level + 1, values: tf.add(a.values, b.values) });
    } finally {
      tf.dispose([a.values, b.values]);
    }
  }

  /** Returns the mean over the shards, a tensor that the caller owns. */
  mean(): Tensor1D {
    while (this.#partials.length > 1) this.#merge();
    return tf.mul<Tensor1D>(this.#partials[0]!.values, 1 / this.batches.length);
  }

  /** Starts the next step. */
  clear(): void {
    tf.dispose(this.#partials.map((p) => p.values));
    this.#partials = [];
    this.batches.length = 0;
  }

  dispose(): void {
    this.clear();
  }
}

/** Marks the gradient of a step's only shard as that of the whole step. */
function wholeStep(gradient: Gradient): Gradient<"step"> {
  requireParts(gradient);
  return { ...gradient, of: "step" };
}

/** @throws RangeError when the gradient already belongs to a whole step. */
function requireParts({ of }: Gradient): void {
  if (of === "shard" || of === "reduced") return;
  const found = of === "step" ? "of a whole step already; accumulate stands once" : "missing; scoreMatching gives it";
  throw new RangeError(`accumulate: the gradient is ${found}`);
}

/** Concatenates the rows of all batches. */
function concatenate(batches: readonly Batch<"t" | "loss">[]): Batch<"t" | "loss"> {
  const size = batches.reduce((n, batch) => n + batch.size, 0);
  const join = (name: "t" | "loss") => {
    const out = new Float32Array(size);
    let offset = 0;
    for (const batch of batches) {
      out.set(floats(batch, name).data, offset);
      offset += batch.size;
    }
    return { data: out, shape: [] };
  };
  return createBatch({ t: join("t"), loss: join("loss") }, { ...batches[0]!.info, shard: 0, shards: 1 });
}

/**
 * Averages the gradients of the shards of a step, so that a large batch needs only the memory of a small one.
 *
 * The shards are always added in the same binary-tree order, ((0 + 1) + (2 + 3)) + .... The result has the same bits,
 * whichever machines computed the shards. At most log2(shards) + 1 sums are held.
 *
 * @example
 * ```ts
 * shardGradients.pipe(accumulate(4)); // one gradient a step
 * ```
 * @param shards Gradients per step; a step may be a replica's share of a larger one. With 1, gradients pass unchanged,
 *   as does a sum from `allReduce`, which already covers the whole step.
 * @returns One {@link Gradient} per step, with the losses of all its examples.
 * @throws RangeError when `shards` is not a positive integer; as a notification when a shard is missing, or the
 *   gradient already belongs to a whole step.
 */
export function accumulate(shards: number): OperatorFunction<Gradient<"shard" | "reduced">, Gradient<"step">> {
  if (!Number.isInteger(shards) || shards < 1) {
    throw new RangeError(`accumulate: shards must be a positive integer, got ${shards}`);
  }
  if (shards === 1) return map(wholeStep);
  return (source) =>
    owning(
      () => new ShardSum(shards),
      (sum) => {
        const end = defer(() => {
          const { length } = sum.batches;
          if (length > 0) throw new RangeError(`accumulate: the stream ended after ${length} of ${shards} shards`);
          return EMPTY;
        });
        const step = concatMap((gradient: Gradient) => {
          requireParts(gradient);
          // With peers, `allReduce` emits the gradient of a whole step.
          if (gradient.batch.info.shards === 1) return of(wholeStep(gradient));
          sum.add(gradient);
          if (sum.batches.length < shards) return EMPTY;
          const batch = concatenate(sum.batches);
          return owning(
            () => sum.mean(),
            (mean) => {
              sum.clear();
              return of(gradientOf("step", batch, mean));
            },
          );
        });
        return source.pipe(step, concatWith(end));
      },
    );
}
