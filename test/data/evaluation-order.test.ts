import { expect, it } from "vitest";
import { permutation, randomKey } from "../../src/base/random.ts";
import { evaluationOrder } from "../../src/data/evaluation-order.ts";

it("an evaluation takes the first images of one fixed permutation, on which published numbers rest", () => {
  const all = permutation(randomKey(0, "evaluation order"), 50);
  expect(evaluationOrder(50)).toEqual(all);
  expect(evaluationOrder(50, 7)).toEqual(all.subarray(0, 7));
  expect(evaluationOrder(50, 70)).toEqual(all);
});
