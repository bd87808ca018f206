import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tf } from "../../../src/engine/tf.ts";
import { conv2dBackpropFilter } from "../../../src/engine/wasm/conv2d-backprop-filter.ts";
import { einsum } from "../../../src/engine/wasm/einsum.ts";

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** Largest difference over the largest value. */
function difference(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  const error = tf.max(tf.abs(tf.sub(actual, expected)));
  return error.div(tf.max(tf.abs(expected))).dataSync()[0]!;
}

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

describe("conv2dBackpropFilter", () => {
  test.each([
    { size: [5, 6], kernel: [3, 3], strides: 1, pad: "same" },
    { size: [6, 5], kernel: [3, 3], strides: 2, pad: "same" },
    { size: [7, 8], kernel: [2, 4], strides: 2, pad: "valid" },
    { size: [4, 4], kernel: [1, 1], strides: 1, pad: "valid" },
  ] as const)("is the gradient of the convolution: $kernel filter, stride $strides, $pad", (example) => {
    const { size, kernel, strides, pad } = example;
    const x = random([2, ...size, 3], 1) as Tensor4D;
    const filterShape = [...kernel, 3, 4] as [number, number, number, number];
    const w = random(filterShape, 2) as Tensor4D;
    const y = tf.conv2d(x, w, strides, pad);
    const dy = random(y.shape, 3) as Tensor4D;
    const ours = conv2dBackpropFilter(x, dy, { strides, pad, dataFormat: "NHWC", filterShape });
    // The convolution is linear in its filter: the gradient's product with w is that of y with dy.
    expect(difference(tf.sum(ours.mul(w)), tf.sum(y.mul(dy)))).toBeLessThan(1e-4);
    const expected = tf.grad((w: Tensor) =>
      tf
        .conv2d(x, w as Tensor4D, strides, pad)
        .mul(dy)
        .sum(),
    )(w);
    expect(difference(ours, expected)).toBeLessThan(1e-5);
  });

  test("frees all but its result", () => {
    const x = random([1, 4, 4, 2], 1) as Tensor4D;
    const before = tf.memory().numTensors;
    conv2dBackpropFilter(x, x, { strides: 1, pad: "same", dataFormat: "NHWC", filterShape: [3, 3, 2, 2] });
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

describe("einsum", () => {
  const SIZES: Record<string, number> = { b: 2, h: 3, i: 4, j: 5, k: 6 };
  const shape = (labels: string) => [...labels].map((label) => SIZES[label]!);

  /** The definition: the sum over all labels of the product of the elements. */
  function bySummation(equation: string, tensors: readonly Tensor[]): number[] {
    const [inputs, output] = equation.split("->") as [string, string];
    const labels = Object.keys(SIZES).filter((label) => inputs.includes(label));
    const offset = (term: string, at: Record<string, number>) =>
      [...term].reduce((sum, label) => sum * SIZES[label]! + at[label]!, 0);
    const values = tensors.map((tensor) => tensor.dataSync());
    const result = new Array<number>(shape(output).reduce((a, b) => a * b, 1)).fill(0);
    const visit = (depth: number, at: Record<string, number>): void => {
      const label = labels[depth];
      if (label === undefined) {
        const factors = inputs.split(",").map((term, i) => values[i]![offset(term, at)]!);
        result[offset(output, at)]! += factors.reduce((a, b) => a * b, 1);
      } else for (let i = 0; i < SIZES[label]!; i++) visit(depth + 1, { ...at, [label]: i });
    };
    visit(0, {});
    return result;
  }

  test.each([
    "ij,jk->ik",
    "bij,bjk->bik",
    "bhi,bhj->bij",
    "bhi,bji->hjb",
    "ij,ij->",
    "i,j->ji",
    "bij->jb",
    "bij->",
    "ijk,k->i",
    "ij,jk,kb->ib",
  ])("%s", (equation) => {
    const tensors = equation
      .split("->")[0]!
      .split(",")
      .map((labels, i) => random(shape(labels), i));
    const result = einsum(equation, tensors);
    expect(result.shape).toEqual(shape(equation.split("->")[1]!));
    const expected = bySummation(equation, tensors);
    result.dataSync().forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-4));
  });

  test.each(["ii->i", "ij,jk", "ij->i,j"])("refuses %s", (equation) => {
    expect(() => einsum(equation, [random([2, 2], 1)])).toThrow(RangeError);
  });
});
