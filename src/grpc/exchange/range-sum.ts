/** The sum of one range of the gradient, added while its parts arrive and are still in the processor's cache. */
import type { Tensor1D } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { readInto } from "../../engine/values.ts";
import { fromBfloat16, toBfloat16 } from "../../ops/bfloat16.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import type { Share } from "../../ops/shares.ts";
import { sumInOrder, type SubtreeSum } from "../../ops/sum-tree.ts";
import { CHUNK } from "./parcel.ts";

/** Sums of subtrees over a range, of one member, which come one after another. */
export interface Part {
  readonly sums: readonly SubtreeSum<Float32Array>[];
  /** Values of the last one that are there. */
  readonly there: number;
}

export interface RangeSumOptions {
  /** Of all members, in their order; undefined for one from whom nothing has come. A part that was refused comes again as another. */
  readonly parts: () => readonly (Part | undefined)[];
  readonly shards: number;
  /** Where it goes. */
  readonly out: Float32Array;
  /** To bfloat16. */
  readonly rounded: boolean;
}

export const cut = (values: Float32Array, { first, end }: Share): Float32Array => values.subarray(first, end);

export class RangeSum {
  readonly #options: RangeSumOptions;
  #parts: readonly (Part | undefined)[] = [];
  #added = 0;

  constructor(options: RangeSumOptions) {
    this.#options = options;
  }

  get complete(): boolean {
    return this.#added === this.#options.out.length;
  }

  /** Adds what has come. @returns A value of the sum that is not finite, if there is one. */
  advance(): number | undefined {
    const { parts: find, out } = this.#options;
    const parts = find();
    if (parts.some((part, i) => part !== this.#parts[i])) this.#added = 0;
    this.#parts = parts;
    const ready = Math.min(out.length, ...parts.map((part) => part?.there ?? 0));
    while (this.#added < ready) {
      const end = Math.min(this.#added + CHUNK, out.length);
      if (end > ready) break;
      const bad = this.#add(parts as readonly Part[], { first: this.#added, end });
      if (bad !== undefined) return bad;
      this.#added = end;
    }
    return undefined;
  }

  /** By the engine's own addition, which adds within a node too: where it flushes subnormals, both do. */
  #add(parts: readonly Part[], piece: Share): number | undefined {
    const { shards, out, rounded } = this.#options;
    const sum = tf.tidy(() => {
      const sums = parts.flatMap((part) => part.sums);
      const tensors = sums.map(({ subtree, value }) => ({ subtree, value: tf.tensor1d(cut(value, piece)) }));
      return sumInOrder<Tensor1D>(tensors, shards, (a, b) => tf.add(a, b));
    });
    const values = readInto(sum, cut(out, piece));
    sum.dispose();
    if (rounded) values.set(fromBfloat16(toBfloat16(values)));
    return values[firstNonFinite(values)];
  }
}
