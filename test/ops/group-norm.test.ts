import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/engine/compile.ts";
import { hasOwnOps } from "../../src/engine/kernels.ts";
import { tf } from "../../src/engine/tf.ts";
import { groupNorm, swish } from "../../src/ops/group-norm.ts";
import { largestError, moments } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, numericalGradient, values } from "../support/tensors.ts";

/** GroupNorm from its definition, by ops whose gradients tfjs has. */
function plain(x: Tensor4D, scale: Tensor, bias: Tensor, groups: number, withSwish: boolean): Tensor {
  const [B, H, W, C] = x.shape;
  const grouped = x.reshape([B, H * W, groups, C / groups]);
  const mean = tf.mean(grouped, [1, 3], true);
  const centred = tf.sub(grouped, mean);
  const variance = tf.mean(tf.square(centred), [1, 3], true);
  const normalized = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-6))).reshape([B, H, W, C]);
  const y = tf.add(tf.mul(normalized, scale), bias);
  return withSwish ? tf.mul(y, tf.sigmoid(y)) : y;
}

type Shape = [number, number, number, number];

describe("groupNorm", () => {
  const inputs = (shape: Shape = [2, 3, 4, 8]) => [
    tf.tidy(() => tf.add(tf.mul(normalTensor(shape, 1), 2), 0.5)),
    normalTensor([1, 1, 1, shape[3]], 2),
    normalTensor([1, 1, 1, shape[3]], 3),
  ];
  const SHAPES: Shape[] = [
    [2, 3, 4, 8],
    [3, 9, 8, 24],
  ];
  const cases = [false, ...(hasOwnOps() ? [true] : [])].flatMap((fused) =>
    SHAPES.flatMap(
      (shape) =>
      ([[1, true], [2, true], [8, true], [2, false]] as const).map(([groups, swish]) => ({ fused, shape, groups, swish })), // prettier-ignore
    ),
  );

  it.each(cases)("equals its definition: $shape, $groups groups, swish $swish, fused $fused", async (given_) => {
    const { shape, groups, fused, swish: withSwish } = given_;
    await expectNoLeak(() => {
      const given = inputs(shape);
      const run = (f: (...inputs: Tensor[]) => Tensor) =>
        tf.tidy(() => {
          const weight = normalTensor(shape, 9);
          return [f(...given), ...tf.grads((...xs: Tensor[]) => tf.sum(tf.mul(f(...xs), weight)))(given)];
        });
      const own = run((x, s, b) => groupNorm(x as Tensor4D, s, b, groups, { swish: withSwish, fused }));
      const expected = run((x, s, b) => plain(x as Tensor4D, s, b, groups, withSwish));
      own.forEach((t, i) => {
        expect(t.shape).toEqual(expected[i]!.shape);
        expect(largestError(values(t), values(expected[i]!)), `output ${i}`).toBeLessThan(2e-5);
      });
      tf.dispose([given, own, expected]);
    });
  });

  it("has the gradient that differences give", () => {
    tf.tidy(() => {
      const [x, scale, bias] = inputs() as [Tensor4D, Tensor, Tensor];
      const loss = (x: Tensor) => tf.sum(tf.square(groupNorm(x as Tensor4D, scale, bias, 2)));
      const coordinates = [0, 5, 77, 191];
      const own = tf.grad(loss)(x).dataSync();
      const f = (data: Float32Array) => tf.tidy(() => loss(tf.tensor4d(data, [2, 3, 4, 8])).dataSync()[0]!);
      const numerical = numericalGradient(f, x.dataSync() as Float32Array, coordinates);
      expect(
        largestError(
          coordinates.map((i) => own[i]!),
          numerical,
        ),
      ).toBeLessThan(1e-2); // float32, h = 0.01
    });
  });

  it.runIf(hasOwnOps())("is compiled with the very bits of the eager call, and passes NaN on", () => {
    const [x, scale, bias] = inputs([3, 9, 8, 24]) as [Tensor4D, Tensor, Tensor];
    const both = (x: Tensor, scale: Tensor, bias: Tensor) => {
      const f = (...args: Tensor[]) => groupNorm(args[0] as Tensor4D, args[1]!, args[2]!, 8, { fused: true });
      return [f(x, scale, bias), ...tf.grads((...args: Tensor[]) => tf.sum(tf.square(f(...args))))([x, scale, bias])];
    };
    const compiled = compile(both, { name: "norm" });
    const [a, b] = [tf.tidy(() => both(x, scale, bias)), compiled(x, scale, bias)];
    a.forEach((tensor, i) => expect(values(tensor)).toEqual(values(b[i]!)));
    const broken = tf.tidy(() => groupNorm(tf.where(tf.greater(x, 3), NaN, x) as Tensor4D, scale, bias, 8));
    expect(values(broken).some(Number.isNaN)).toBe(true);
    expect(() => groupNorm(x, tf.ones([5]), bias, 8, { fused: true })).toThrow(/do not fit/);
    compiled.dispose();
    tf.dispose([a, b, x, scale, bias, broken]);
  });

  it("normalizes each group to mean 0 and variance 1", () => {
    const y = tf.tidy(() => {
      const [x] = inputs() as [Tensor4D];
      return values(groupNorm(x, tf.ones([8]), tf.zeros([8]), 2, { swish: false }));
    });
    const firstGroup = y.filter((_, i) => i < 96 && i % 8 < 4);
    const { mean, variance } = moments(firstGroup);
    expect(Math.abs(mean)).toBeLessThan(1e-5);
    expect(Math.abs(variance - 1)).toBeLessThan(1e-4);
  });
});

describe("swish", () => {
  it("is x sigmoid(x), with that gradient", () => {
    const x = [-20, -1, 0, 0.5, 3, 20];
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const [value, gradient] = tf.tidy(() => {
      const t = tf.tensor1d(x);
      return [values(swish(t)), values(tf.grad((t: Tensor) => tf.sum(swish(t)))(t))];
    });
    expect(
      largestError(
        value,
        x.map((v) => v * sigmoid(v)),
      ),
    ).toBeLessThan(1e-6);
    expect(
      largestError(
        gradient,
        x.map((v) => sigmoid(v) * (1 + v * (1 - sigmoid(v)))),
      ),
    ).toBeLessThan(1e-6);
  });
});
