import { areSiblings, endOf, type Subtree, type SubtreeSum } from "../ops/sum-tree.ts";

/**
 * The gradients of one step that a node has, summed as far as the tree of all shards allows.
 *
 * When the shards of a step are dealt out anew, sums that the node is still responsible for need not be computed again.
 */
export class PartialSums<T> {
  readonly #add: (a: T, b: T) => T;
  readonly #free: (value: T) => void;
  readonly #merges: boolean;
  /** Disjoint, in order. */
  #sums: SubtreeSum<T>[] = [];

  /**
   * @param add Makes a new value; @param free Called with each value that is no longer needed.
   * @param merges False: nothing is summed yet, and each shard's stays as it is.
   */
  constructor(add: (a: T, b: T) => T, free: (value: T) => void, merges = true) {
    this.#merges = merges;
    this.#add = add;
    this.#free = free;
  }

  /** Takes the gradient of a shard over. @throws RangeError when it is there already. */
  add(shard: number, value: T): void {
    const at = this.#sums.findIndex(({ subtree }) => endOf(subtree) > shard);
    const before = at < 0 ? this.#sums.length : at;
    const next = this.#sums[before];
    if (next && next.subtree.first <= shard) throw new RangeError(`shard ${shard} was added twice`);
    this.#sums.splice(before, 0, { subtree: { first: shard, level: 0 }, value });
    if (this.#merges) this.#mergeAround(before);
  }

  #mergeAround(index: number): void {
    for (let at = index; ;) {
      const [a, b, c] = [this.#sums[at - 1], this.#sums[at]!, this.#sums[at + 1]];
      if (a && areSiblings(a.subtree, b.subtree)) this.#merge(--at);
      else if (c && areSiblings(b.subtree, c.subtree)) this.#merge(at);
      else return;
    }
  }

  #merge(at: number): void {
    const [a, b] = this.#sums.slice(at, at + 2) as [SubtreeSum<T>, SubtreeSum<T>];
    const subtree: Subtree = { first: a.subtree.first, level: a.subtree.level + 1 };
    this.#sums.splice(at, 2, { subtree, value: this.#add(a.value, b.value) });
    this.#free(a.value);
    this.#free(b.value);
  }

  /** Gives up sums that are not wholly within the shards [first, end). @returns The shards in it that are missing. */
  narrow(first: number, end: number): number[] {
    const within = ({ subtree }: SubtreeSum<T>) => subtree.first >= first && endOf(subtree) <= end;
    for (const sum of this.#sums) if (!within(sum)) this.#free(sum.value);
    this.#sums = this.#sums.filter(within);
    const missing: number[] = [];
    let at = first;
    for (const next of [...this.#sums.map(({ subtree }) => subtree), undefined]) {
      for (; at < (next?.first ?? end); at++) missing.push(at);
      if (next) at = endOf(next);
    }
    return missing;
  }

  /** The sums, in order; they stay this object's. */
  get sums(): readonly SubtreeSum<T>[] {
    return this.#sums;
  }

  clear(): void {
    for (const { value } of this.#sums) this.#free(value);
    this.#sums = [];
  }
}
