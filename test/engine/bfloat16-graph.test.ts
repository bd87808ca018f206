import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { afterEach, describe, expect, it } from "vitest";
import { compile, type Compiled } from "../../src/engine/compile.ts";
import { bfloat16Instructions } from "../../src/engine/device.ts";
import { keepFloat32 } from "../../src/engine/kernels.ts";
import { tf } from "../../src/engine/tf.ts";
import { fromBfloat16, toBfloat16 } from "../../src/ops/bfloat16.ts";
import { biasAddGrad, isNative } from "../../src/engine/kernels.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { dropped } from "../../src/ops/dropout.ts";
import { groupNorm } from "../../src/ops/group-norm.ts";
import { scaledSum } from "../../src/ops/scaled-sum.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

const rounded = (numbers: readonly number[]) => [...fromBfloat16(toBfloat16(Float32Array.from(numbers)))];

const made: Compiled[] = [];
afterEach(() => {
  for (const fn of made.splice(0)) fn.dispose();
});

/** Values that `fn` computes with products in `precision`. */
function run(fn: (...inputs: Tensor[]) => Tensor[], inputs: readonly Tensor[], precision: "float32" | "bfloat16") {
  const compiled = compile(fn, { name: "test", precision });
  made.push(compiled);
  const outputs = compiled(...inputs);
  const result = outputs.map(values);
  expect(outputs.map(({ dtype }) => dtype)).toEqual(outputs.map(() => "float32"));
  tf.dispose(outputs);
  return result;
}

const image = (seed: number, C = 8) => normalTensor<Tensor4D>([2, 6, 6, C], seed);
const kernel = (seed: number) => normalTensor<Tensor4D>([3, 3, 8, 8], seed);

describe.runIf(isNative())("bfloat16 in compiled functions", () => {
  it("multiplies rounded numbers, sums them in float32 and rounds once", async () => {
    await expectNoLeak(() => {
      const given = [normalTensor([40, 300], 1), normalTensor([300, 20], 2)];
      const product = (a: Tensor, b: Tensor) => [tf.matMul(a as never, b as never)];
      const [own] = run((a, b) => product(a!, b!), given, "bfloat16");
      const halves = given.map((t) => tf.tensor(rounded(values(t)), t.shape));
      const [exact] = run((a, b) => product(a!, b!), halves, "float32");
      // Sums in another order may fall on the other side of a tie.
      const off = own!.filter((v, i) => Math.abs(v - rounded(exact!)[i]!) > Math.abs(v) * 2 ** -8 + 1e-6);
      // Without instructions for it, TensorFlow rounds partial sums too: twice the error of rounding once, 0.0017.
      if (bfloat16Instructions()) expect(off).toEqual([]);
      const error = Math.hypot(...own!.map((v, i) => v - exact![i]!)) / Math.hypot(...exact!);
      expect(error).toBeLessThan(0.004);
      expect(rounded(own!)).toEqual(own);
      expect(own).not.toEqual(exact);
      tf.dispose([given, halves]);
    });
  });

  it("leaves alone what has no products, and is exact where numbers are", async () => {
    await expectNoLeak(() => {
      const x = image(1);
      const plain = (x: Tensor) => [tf.mul(tf.exp(x), 3), tf.sum(tf.square(x)), tf.softmax(x)];
      expect(run((x) => plain(x!), [x], "bfloat16")).toEqual(run((x) => plain(x!), [x], "float32"));
      x.dispose();
    });
  });

  it("sums ones to numbers that bfloat16 does not have", () => {
    const ones = tf.ones([2, 13, 29, 4]);
    const one = tf.tensor4d([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [1, 1, 4, 4]);
    const sums = (x: Tensor, k: Tensor) => {
      const y = conv2d(x as Tensor4D, k as Tensor4D);
      return [biasAddGrad(y), tf.sum(y, [1, 2]), tf.sum(y, [1, 2], true), tf.sum(y), tf.sum(y, 3)];
    };
    const [bias, images, kept, all, channels] = run((x, k) => sums(x!, k!), [ones, one], "bfloat16");
    expect(bias).toEqual(Array(4).fill(754));
    expect(images).toEqual(Array(8).fill(377));
    expect(kept).toEqual(images);
    expect(all).toEqual([3016]);
    expect(channels).toEqual(Array(754).fill(4));
    tf.dispose([ones, one]);
  });

  it("keeps float32 behind keepFloat32, and passes its gradient on", () => {
    const given = [image(1), kernel(2), tf.fill([2, 6, 6, 8], 1 / 3)];
    const f = (keep: typeof keepFloat32) => (x: Tensor, k: Tensor, c: Tensor) => {
      const y = keep(conv2d(x as Tensor4D, k as Tensor4D));
      return tf.mul(y, c);
    };
    const [kept] = run((x, k, c) => [f(keepFloat32)(x!, k!, c!)], given, "bfloat16");
    const [not] = run((x, k, c) => [f((t) => t)(x!, k!, c!)], given, "bfloat16");
    expect(rounded(not!)).toEqual(not);
    expect(rounded(kept!)).not.toEqual(kept);
    const [gradient] = run((x, k, c) => [tf.grad((x) => tf.sum(f(keepFloat32)(x, k!, c!)))(x!)], given, "bfloat16");
    const [expected] = run((x, k, c) => [tf.grad((x) => tf.sum(f((t) => t)(x, k!, c!)))(x!)], given, "float32");
    expect(largestError(gradient!, expected!)).toBeLessThan(0.1);
    tf.dispose(given);
  });

  it("computes a block and its gradient near those in float32, with the same bits twice", async () => {
    await expectNoLeak(() => {
      const given = [image(1), kernel(2), normalTensor([1, 1, 1, 8], 3), normalTensor<Tensor1D>([8], 4)];
      const block = (x: Tensor, k: Tensor, scale: Tensor, bias: Tensor) => {
        const h = groupNorm(x as Tensor4D, scale, bias, 2);
        const y = conv2d(h, k as Tensor4D, bias as Tensor1D);
        const seed = tf.tensor1d([1, 2], "int32") as Tensor1D;
        const next = groupNorm(tf.add(y, bias.reshape([1, 1, 1, 8])), scale, bias, 2, { swish: false });
        const both = tf.concat([scaledSum(x as Tensor4D, dropped(next, { rate: 0.1, seed, stream: 0 }), 0.7), next], 3);
        return tf.avgPool(both as Tensor4D, 2, 2, "valid");
      };
      const f = (...inputs: Tensor[]) => {
        const loss = (...xs: Tensor[]) => tf.sum(tf.square(block(xs[0]!, xs[1]!, xs[2]!, xs[3]!)));
        return [block(inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!), ...tf.grads(loss)(inputs)];
      };
      const own = run(f, given, "bfloat16");
      expect(run(f, given, "bfloat16")).toEqual(own);
      const expected = run(f, given, "float32");
      own.forEach((numbers, i) => {
        const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, j) => sum + v * b[j]!, 0);
        const cosine = dot(numbers, expected[i]!) / Math.sqrt(dot(numbers, numbers) * dot(expected[i]!, expected[i]!));
        expect(cosine, `output ${i}`).toBeGreaterThan(0.9999);
        expect(numbers).not.toEqual(expected[i]);
      });
      tf.dispose(given);
    });
  });

  it("is refused for functions that are not compiled", () => {
    expect(() => compile((x) => [x!], { name: "f", compile: false, precision: "bfloat16" })).toThrow(
      "f: only compiled functions compute in bfloat16",
    );
  });
});
