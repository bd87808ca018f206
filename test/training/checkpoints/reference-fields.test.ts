import { describe, expect, it } from "vitest";
import { namedArray, valuesOfArray } from "../../../src/data/formats/named-array.ts";
import { fieldProblems, fieldsOf, numberIn } from "../../../src/training/checkpoints/reference-fields.ts";

describe("the fields of a run", () => {
  it("have the step twice, as int32", () => {
    const fields = fieldsOf(2 ** 31 - 1);
    expect(["step", "optimizer/state/step"].map((name) => numberIn(fields.get(name)!))).toEqual(Array(2).fill(2147483647)); // prettier-ignore
  });

  it.each([2 ** 31, 2 ** 32, 1.5])("cannot have %d steps", (step) => {
    expect(() => fieldsOf(step)).toThrow(new RangeError(`step ${step} is not an int32`));
  });

  it.each([
    [42, [0, 42]],
    [2 ** 32 - 1, [0, 4294967295]],
    [5 * 2 ** 32 + 7, [5, 7]],
    [2 ** 53 - 1, [2097151, 4294967295]],
  ])("have the upper and lower 32 bits of the seed %d as random key", (seed, key) => {
    expect([...valuesOfArray(fieldsOf(1, { seed }).get("rng")!)]).toEqual(key);
  });
});

it.each([2n ** 60n, -1n])("%d is not a number of steps", (count) => {
  const array = namedArray("I64", [], BigInt64Array.of(count));
  const fields = new Map([...fieldsOf(1), ["step", array] as const, ["optimizer/state/step", array] as const]);
  expect(fieldProblems(fields)).toEqual([`step: ${Number(count)} is not a number of steps`]);
});
