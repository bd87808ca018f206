/** The model that the simulated nodes train: small vectors, summed in the real tree. */
import { subtreesOf, sumInOrder, type SubtreeSum } from "../../src/ops/sum-tree.ts";

export const LENGTH = 48;

export interface Values {
  readonly step: number;
  readonly vector: Float32Array;
}

let block = new Float32Array(0);
let used = 0;

/** Memory for a vector: from a block, since millions are made in a minute. */
function vectorOf(length: number): Float32Array {
  if (used + length > block.length) [block, used] = [new Float32Array(1000 * LENGTH), 0];
  return block.subarray(used, (used += length));
}

// Loops over arrays below: a function for each value takes longer.
export function add(a: Float32Array, b: Float32Array): Float32Array {
  const sum = vectorOf(a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i]! + b[i]!;
  return sum;
}

/** Gradient of one shard; it depends on the state, so that another state leads elsewhere. */
export function gradient({ step, vector }: Values, shard: number): Float32Array {
  const values = vectorOf(vector.length);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(vector[i]! * (shard + 1) + step) + 0.1 * (i % 7);
  return values;
}

/** Sum of the shards below one inner node of the tree. */
const sumBelow = (values: Values, first: number, level: number): Float32Array =>
  level === 0
    ? gradient(values, first)
    : add(sumBelow(values, first, level - 1), sumBelow(values, first + 2 ** (level - 1), level - 1));

/** Sums of the largest whole subtrees of [first, end). */
export const partials = (values: Values, first: number, end: number): SubtreeSum<Float32Array>[] =>
  subtreesOf(first, end).map((subtree) => ({ subtree, value: sumBelow(values, subtree.first, subtree.level) }));

export function applied({ step, vector }: Values, sum: Float32Array): Values {
  const next = vectorOf(vector.length);
  for (let i = 0; i < next.length; i++) next[i] = vector[i]! - Math.fround(0.05 * sum[i]!);
  return { step: step + 1, vector: next };
}

export const initial = (seed: number): Values => ({
  step: 0,
  vector: Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(seed + i)),
});

export function hashOf({ step, vector }: Values): string {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let hash = 0x811c9dc5 ^ step;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
  return (hash >>> 0).toString(16);
}

/** The states of one node alone, by step. */
export function alone(seed: number, to: number, shards: number): Values[] {
  const states = [initial(seed)];
  for (let step = 0; step < to; step++) {
    const sum = sumInOrder(partials(states[step]!, 0, shards), shards, add);
    states.push(applied(states[step]!, sum));
  }
  return states;
}

/** Checkpoints of a workdir; a crash of the machine loses what is not synced. */
export class Disk {
  identity: string;
  #files: { values: Values; synced: boolean }[] = [];
  /** The newest that was reported as saved. */
  reported = -1;

  constructor(identity: string) {
    this.identity = identity;
  }

  write(values: Values): () => void {
    const file = { values, synced: false };
    this.#files.push(file);
    return () => {
      if (!this.#files.includes(file)) return;
      file.synced = true;
      // Only now is the one before it replaced.
      this.#files = this.#files.filter((one) => one === file || one.values.step !== values.step);
      this.reported = Math.max(this.reported, values.step);
    };
  }

  crash(): void {
    this.#files = this.#files.filter(({ synced }) => synced);
  }

  setAside(step: number): void {
    this.#files = this.#files.filter(({ values }) => values.step < step);
    this.reported = Math.max(-1, ...this.#files.flatMap(({ values, synced }) => (synced ? [values.step] : [])));
  }

  newest(): Values | undefined {
    return this.#files.map(({ values }) => values).sort((a, b) => b.step - a.step)[0];
  }
}
