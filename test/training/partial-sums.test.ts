import { describe, expect, it } from "vitest";
import { PartialSums } from "../../src/training/partial-sums.ts";

/** Sums that show who was added to whom, and what was freed. */
function setUp(...shards: number[]) {
  const freed: string[] = [];
  const sums = new PartialSums<string>(
    (a, b) => `(${a}+${b})`,
    (value) => freed.push(value),
  );
  const add = (shard: number) => sums.add(shard, String(shard));
  shards.forEach(add);
  return { sums, add, freed, values: () => sums.sums.map(({ value }) => value) };
}

describe("PartialSums", () => {
  it("adds siblings, the left one first, in whatever order they come, and frees the parts", () => {
    const { sums, freed, values } = setUp(3, 0, 2);
    expect(values()).toEqual(["0", "(2+3)"]);
    expect(freed).toEqual(["2", "3"]);
    sums.add(1, "1");
    expect(sums.sums).toEqual([{ subtree: { first: 0, level: 2 }, value: "((0+1)+(2+3))" }]);
    expect(freed).toEqual(["2", "3", "0", "1", "(0+1)", "(2+3)"]);
  });

  it("keeps neighbours under different parents apart, in order", () => {
    expect(setUp(5, 2, 1).values()).toEqual(["1", "2", "5"]);
    expect(setUp(4, 1, 3, 2).values()).toEqual(["1", "(2+3)", "4"]);
  });

  it.each([0, 1, 2])("refuses shard %d a second time, also within a sum", (shard) => {
    const { add, values } = setUp(0, 1, 2);
    expect(() => add(shard)).toThrow(new RangeError(`shard ${shard} was added twice`));
    expect(values()).toEqual(["(0+1)", "2"]);
  });

  it.each([
    [0, 8, [1, 6], ["0", "(2+3)", "(4+5)", "7"], []],
    [2, 6, [], ["(2+3)", "(4+5)"], ["0", "7"]],
    [3, 8, [3, 6], ["(4+5)", "7"], ["0", "(2+3)"]],
    [0, 3, [1, 2], ["0"], ["(2+3)", "(4+5)", "7"]],
    [9, 11, [9, 10], [], ["0", "(2+3)", "(4+5)", "7"]],
  ])("narrowed to [%d, %d) gives the missing shards and frees what reaches out", (first, end, missing, left, gone) => {
    const { sums, freed, values } = setUp(0, 2, 3, 4, 5, 7);
    freed.length = 0;
    expect(sums.narrow(first, end)).toEqual(missing);
    expect(values()).toEqual(left);
    expect(freed).toEqual(gone);
  });

  it("keeps each shard's by itself where nothing is summed yet, in order", () => {
    const freed: string[] = [];
    const sums = new PartialSums<string>((a, b) => `(${a}+${b})`, (value) => freed.push(value), false); // prettier-ignore
    for (const shard of [3, 0, 2, 1]) sums.add(shard, String(shard));
    expect(sums.sums.map(({ subtree, value }) => [subtree.first, subtree.level, value])).toEqual([0, 1, 2, 3].map((shard) => [shard, 0, String(shard)])); // prettier-ignore
    expect(() => sums.add(2, "2")).toThrow("shard 2 was added twice");
    expect([sums.narrow(1, 5), freed]).toEqual([[4], ["0"]]);
  });

  it("frees all when cleared, once", () => {
    const { sums, freed, values } = setUp(0, 2);
    sums.clear();
    sums.clear();
    expect(values()).toEqual([]);
    expect(freed).toEqual(["0", "2"]);
  });
});
