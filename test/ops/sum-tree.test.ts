import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shareOf } from "../../src/base/shares.ts";
import { areSiblings, endOf, subtreesOf, sumInOrder, type SubtreeSum } from "../../src/ops/sum-tree.ts";
import { PartialSums } from "../../src/training/partial-sums.ts";

/** The order of a sum as text, so that another order is another value. */
const add = (a: string, b: string) => `(${a} ${b})`;

/** The order in which one node alone sums: as `accumulate` does. */
function sequential(shards: number): string {
  const stack: { level: number; value: string }[] = [];
  const merge = () => {
    const [a, b] = stack.splice(-2) as [(typeof stack)[0], (typeof stack)[0]];
    stack.push({ level: a.level + 1, value: add(a.value, b.value) });
  };
  for (let shard = 0; shard < shards; shard++) {
    stack.push({ level: 0, value: String(shard) });
    while (stack.at(-1)!.level === stack.at(-2)?.level) merge();
  }
  while (stack.length > 1) merge();
  return stack[0]!.value;
}

const counts = fc.integer({ min: 1, max: 70 });

describe("subtrees of a range of shards", () => {
  it.each([
    [0, 8, "0+8"],
    [1, 8, "1+1 2+2 4+4"],
    [0, 7, "0+4 4+2 6+1"],
    [3, 6, "3+1 4+2"],
    [4, 4, ""],
  ])("[%i, %i) is %s", (first, end, text) => {
    expect(subtreesOf(first, end).map((tree) => `${tree.first}+${endOf(tree) - tree.first}`).join(" ")).toBe(text); // prettier-ignore
  });

  it("cover it in order, aligned, and as few as there can be", () => {
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const [first, end] = [Math.min(a, b), Math.max(a, b)];
        const trees = subtreesOf(first, end);
        let at = first;
        for (const tree of trees) {
          expect(tree.first).toBe(at);
          expect(tree.first % 2 ** tree.level).toBe(0);
          at = endOf(tree);
        }
        expect(at).toBe(end);
        for (let i = 1; i < trees.length; i++) expect(areSiblings(trees[i - 1]!, trees[i]!)).toBe(false);
      }),
    );
  });
});

describe("the sum of all shards", () => {
  it("is taken in the order of one node, however they are dealt out", () => {
    fc.assert(
      fc.property(counts, fc.array(counts, { maxLength: 12 }), (shards, cuts) => {
        const borders = [...new Set([0, shards, ...cuts.filter((cut) => cut < shards)])].sort((a, b) => a - b);
        const parts = borders.slice(1).flatMap((end, i): SubtreeSum<string>[] => {
          const sums = new PartialSums<string>(add, () => {});
          for (let shard = borders[i]!; shard < end; shard++) sums.add(shard, String(shard));
          expect(sums.sums.map(({ subtree }) => subtree)).toEqual(subtreesOf(borders[i]!, end));
          return [...sums.sums];
        });
        expect(sumInOrder(parts, shards, add)).toBe(sequential(shards));
      }),
    );
  });

  it("refuses gaps and overlaps", () => {
    const part = (first: number, level: number) => ({ subtree: { first, level }, value: "" });
    expect(() => sumInOrder([part(0, 0), part(2, 0)], 3, add)).toThrow("2 follows 1");
    expect(() => sumInOrder([part(0, 1), part(1, 0)], 3, add)).toThrow("1 follows 2");
    expect(() => sumInOrder([part(0, 1)], 3, add)).toThrow("2 of 3 are there");
    expect(() => sumInOrder([], 0, add)).toThrow("0 of 0 are there");
  });
});

describe("the sums of a node", () => {
  it("in any order of coming, dealt out anew in between, end with the same sums, and free each value once", () => {
    const ranges = fc.array(fc.tuple(fc.nat(20), fc.nat(20), fc.nat(6)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(ranges, fc.infiniteStream(fc.nat(1000)), (plan, choices) => {
        const alive = new Set<string>();
        let serial = 0;
        const make = (text: string) => {
          const value = `${text}#${serial++}`;
          alive.add(value);
          return value;
        };
        const text = (value: string) => value.replace(/#\d+$/, "");
        const free = (value: string) => expect(alive.delete(value)).toBe(true);
        const sums = new PartialSums<string>((a, b) => make(add(text(a), text(b))), free);
        const [last] = plan.slice(-1);
        for (const entry of plan) {
          const [first, length, some] = entry;
          for (let done = 0; ; done++) {
            const missing = sums.narrow(first, first + length);
            if (missing.length === 0 || (entry !== last && done >= some)) break;
            const shard = missing[choices.next().value! % missing.length]!;
            sums.add(shard, make(String(shard)));
          }
        }
        const [first, length] = last!;
        const fresh = new PartialSums<string>(add, () => {});
        for (let shard = first; shard < first + length; shard++) fresh.add(shard, String(shard));
        expect(sums.sums.map(({ value }) => text(value))).toEqual(fresh.sums.map(({ value }) => value));
        expect(alive.size).toBe(sums.sums.length);
        sums.clear();
        expect(alive.size).toBe(0);
      }),
    );
  });

  it("refuses a shard twice", () => {
    const sums = new PartialSums<string>(add, () => {});
    for (const shard of [0, 1, 3]) sums.add(shard, "");
    for (const shard of [0, 1, 3]) expect(() => sums.add(shard, "")).toThrow(`shard ${shard} was added twice`);
  });
});

it("shares cover the whole, in order, and differ by one unit at most", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 16), (total, parts, unit) => {
      const shares = Array.from({ length: parts }, (_, i) => shareOf(total, parts, i, unit));
      let at = 0;
      for (const { first, end } of shares) {
        expect(first).toBe(at);
        at = end;
        expect(first % unit === 0 || first === total).toBe(true);
      }
      expect(at).toBe(total);
      const sizes = shares.map(({ first, end }) => Math.ceil((end - first) / unit));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});
