/**
 * The fixed order in which the shards of a step are summed: ((0 + 1) + (2 + 3)) + ..., whoever computed them.
 *
 * Floating-point addition is not associative; in one order the sum has the same bits on any number of nodes.
 */

/** The shards [first, first + 2^level), `first` a multiple of 2^level: one inner node of the tree. */
export interface Subtree {
  readonly first: number;
  readonly level: number;
}

export const endOf = ({ first, level }: Subtree): number => first + 2 ** level;

/** True when `b` lies to the right of `a` under the same parent. */
export const areSiblings = (a: Subtree, b: Subtree): boolean =>
  a.level === b.level && a.first % 2 ** (a.level + 1) === 0 && b.first === endOf(a);

/** The fewest subtrees that make up the shards [first, end), in order. */
export function subtreesOf(first: number, end: number): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = first; at < end; at = endOf(subtrees.at(-1)!)) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    subtrees.push({ first: at, level });
  }
  return subtrees;
}

export interface SubtreeSum<T> {
  readonly subtree: Subtree;
  readonly value: T;
}

/**
 * The sum over all shards from the sums of subtrees.
 *
 * @param parts Cover all shards, in order.
 * @throws RangeError when they leave shards out or overlap.
 */
export function sumInOrder<T>(parts: readonly SubtreeSum<T>[], shards: number, add: (a: T, b: T) => T): T {
  const stack: SubtreeSum<T>[] = [];
  const merge = () => {
    const [a, b] = stack.splice(-2) as [SubtreeSum<T>, SubtreeSum<T>];
    stack.push({ subtree: { first: a.subtree.first, level: a.subtree.level + 1 }, value: add(a.value, b.value) });
  };
  let end = 0;
  for (const part of parts) {
    if (part.subtree.first !== end) throw new RangeError(`sum of shards: ${part.subtree.first} follows ${end}`);
    end = endOf(part.subtree);
    stack.push(part);
    while (stack.length > 1 && areSiblings(stack.at(-2)!.subtree, stack.at(-1)!.subtree)) merge();
  }
  if (end !== shards || stack.length === 0) throw new RangeError(`sum of shards: ${end} of ${shards} are there`);
  // A number of shards that is no power of 2 leaves a ragged right side.
  while (stack.length > 1) merge();
  return stack[0]!.value;
}
