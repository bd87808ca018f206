/** The sum of one range of the gradient, added while its parts arrive and are still in the processor's cache. */
import { findAdder } from "../../engine/add-values.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import type { Share } from "../../base/shares.ts";
import { sumInOrder, type SubtreeSum } from "../../ops/sum-tree.ts";
import { round, type NumberFormat } from "./number-format.ts";
import { CHUNK } from "./parcel.ts";

/** A vector, in parts that begin at multiples of {@link CHUNK}. */
export type Pieces = (piece: Share) => Float32Array;

/** Sums of subtrees over a range, of one member, which come one after another. */
export interface Part {
  /** Identifies the parcel; one that comes again after a refusal is another. */
  readonly source: object;
  readonly sums: readonly SubtreeSum<Pieces>[];
  /** Values of the last one that are there. */
  readonly there: number;
}

export interface RangeSumOptions {
  /** Parts of all members, in their order; undefined for a member that has sent nothing yet. */
  readonly parts: () => readonly (Part | undefined)[];
  readonly shards: number;
  /** Memory for the sum. */
  readonly out: Float32Array;
  /** The sum is rounded to it. */
  readonly format: NumberFormat;
}

export const cut = (values: Float32Array, { first, end }: Share): Float32Array => values.subarray(first, end);
export const inPieces =
  (values: Float32Array): Pieces =>
  (piece) =>
    cut(values, piece);

export class RangeSum {
  readonly #options: RangeSumOptions;
  readonly #adder = findAdder();
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
    if (parts.some((part, i) => part?.source !== this.#parts[i]?.source)) this.#added = 0;
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

  /**
   * Adds with the bits of the engine's addition, which adds within a node: where it flushes subnormals, so does this.
   */
  #add(parts: readonly Part[], piece: Share): number | undefined {
    const { shards, out, format } = this.#options;
    const values = cut(out, piece);
    // The left end of the tree is added first, and is where the sum of all ends.
    let free: Float32Array | undefined = values;
    const made = new Set<Float32Array>();
    const add = (a: Float32Array, b: Float32Array) => {
      const into = [a, b].find((one) => made.has(one)) ?? free ?? new Float32Array(values.length);
      if (into === free) free = undefined;
      made.add(into);
      this.#adder(a, b, into);
      return into;
    };
    const sums = parts.flatMap((part) => part.sums);
    const cuts = sums.map(({ subtree, value }) => ({ subtree, value: value(piece) }));
    const sum = sumInOrder(cuts, shards, add);
    if (sum !== values) values.set(sum);
    // Looked at first: rounded to bfloat16, a sum that is infinite would be the largest number.
    const bad = values[firstNonFinite(values)];
    round(values, format);
    return bad;
  }
}
