import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { afterEach, describe, expect, it } from "vitest";
import { compile, type Compiled } from "../../src/engine/compile.ts";
import { after } from "../../src/engine/kernels.ts";
import { tf } from "../../src/engine/tf.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { groupNorm, swish } from "../../src/ops/group-norm.ts";
import { downsample, firUpsample, upsample } from "../../src/ops/resample.ts";
import { statelessUniform } from "../../src/ops/stateless-uniform.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

type Fn = (...inputs: Tensor[]) => Tensor[];

const compiled: Compiled[] = [];
const compileHere = (fn: Fn, on = true) => {
  const made = compile(fn, { name: "test", compile: on });
  compiled.push(made);
  return made;
};
afterEach(() => {
  for (const fn of compiled.splice(0)) fn.dispose();
});

const image = (seed = 1) => normalTensor<Tensor4D>([2, 4, 4, 4], seed);
const vector = (seed = 1, n = 6) => normalTensor<Tensor1D>([n], seed);
/** Sum of squares as a loss. */
const grad = (f: (x: Tensor) => Tensor) => tf.grad((x: Tensor) => tf.sum(tf.square(f(x))));

const FUNCTIONS: [string, Fn, () => Tensor[]][] = [
  ["arithmetic", (x, y) => [tf.add(tf.mul(x, 2), tf.square(y)), tf.sub(x, y)], () => [vector(1), vector(2)]],
  ["an input handed on", (x) => [x, tf.neg(x)], () => [vector()]],
  ["one output twice", (x) => [tf.exp(x)].flatMap((y) => [y, y]), () => [vector()]],
  ["small constants", (x) => [tf.mul(x, tf.tensor1d([1, 2, 3, 4, 5, 6]))], () => [vector()]],
  [
    "larger constants",
    (x) => [tf.add(x, tf.tensor1d(Float32Array.from({ length: 100 }, (_, i) => Math.sqrt(i))))],
    () => [vector(1, 100)],
  ],
  ["uniform fills", (x) => [tf.add(x, tf.fill([500, 300], 0.25)), tf.onesLike(x)], () => [normalTensor([500, 300], 1)]],
  [
    "int32 and bool",
    (i) => [tf.mul(i, tf.scalar(3, "int32")), tf.greater(i, 2), tf.cast(i, "float32")],
    () => [tf.tensor1d([1, 2, 3], "int32")],
  ],
  [
    "shape ops",
    (x) => [
      tf.transpose(x.reshape([4, 8, 4]), [2, 0, 1]),
      tf.concat(tf.split(x, 2, 3), 0),
      tf.pad(x, [
        [0, 0],
        [1, 2],
        [0, 1],
        [0, 0],
      ]),
      tf.tile(tf.slice(x, [0, 1, 1, 0], [1, 2, 2, 4]), [2, 1, 1, 1]),
      tf.broadcastTo(tf.expandDims(tf.sum(x, [1, 2]), 1), [2, 3, 4]),
      tf.reverse(x, [1]),
    ],
    () => [image()],
  ],
  [
    "reductions and softmax",
    (x) => [tf.sum(x, -1), tf.mean(x, [1, 2]), tf.max(x, 3), tf.softmax(x), tf.logSumExp(x, 3)],
    () => [image()],
  ],
  [
    "matMul",
    (a, b) => [tf.matMul(a, b), tf.matMul(a, a, true, false)],
    () => [normalTensor([3, 4], 1), normalTensor([4, 2], 2)],
  ],
  [
    "gradients of tfjs",
    (x) => [grad((x) => tf.elu(tf.tanh(x)))(x), grad((x) => tf.leakyRelu(x, 0.2))(x)],
    () => [vector()],
  ],
  [
    "custom gradients",
    (x, kernel, bias) => [
      grad((x) => conv2d(x as Tensor4D, kernel as Tensor4D, bias as Tensor1D, 2))(x),
      grad((x) => groupNorm(x as Tensor4D, bias, bias, 2))(x),
      grad((x) => downsample(swish(upsample(x as Tensor4D))))(x),
      grad((x) => firUpsample(x as Tensor4D, [1, 3, 3, 1]))(x),
    ],
    () => [image(), normalTensor([3, 3, 4, 4], 2), vector(3, 4)],
  ],
  [
    "random numbers from a seed",
    (seed) => [statelessUniform([50, 3], seed as Tensor1D, 4)],
    () => [tf.tensor1d([7, -8], "int32")],
  ],
];

describe("compile", () => {
  it.each(FUNCTIONS)("equals eager: %s", async (_, fn, makeInputs) => {
    await expectNoLeak(() => {
      const inputs = makeInputs();
      const expected = compileHere(fn, false)(...inputs);
      const compiled = compileHere(fn);
      // The first call records, the second only runs.
      for (let call = 0; call < 2; call++) {
        const got = compiled(...inputs);
        got.forEach((t, i) => {
          expect([t.shape, t.dtype]).toEqual([expected[i]!.shape, expected[i]!.dtype]);
          // A graph fuses and reorders float32 sums.
          expect(largestError(values(t), values(expected[i]!)), `output ${i}`).toBeLessThan(1e-5);
        });
        tf.dispose(got);
      }
      tf.dispose([inputs, expected]);
    });
  });

  it.each([[true], [false]])(
    "gives tensors of the caller's own, also for an input handed on: compile %s",
    async (on) => {
      await expectNoLeak(() => {
        const x = vector();
        const [y] = compileHere((x) => [x], on)(x);
        tf.dispose(y!);
        expect(x.isDisposed).toBe(false);
        expect(values(x)).toHaveLength(6);
        x.dispose();
      });
    },
  );

  it("uses the inputs of each call, not those it was recorded with", () => {
    tf.tidy(() => {
      const double = compileHere((x) => [tf.mul(x, 2)]);
      expect(values(double(tf.tensor1d([1, 2]))[0]!)).toEqual([2, 4]);
      expect(values(double(tf.tensor1d([5, 7]))[0]!)).toEqual([10, 14]);
    });
  });

  it.each<[string, (terms: Tensor[]) => Tensor]>([
    ["add", (terms) => terms.reduce((sum, term) => tf.add(sum, term))],
    ["sub", (terms) => terms.reduce((sum, term) => tf.sub(sum, tf.neg(term)))],
    ["addN", (terms) => tf.addN(terms)],
  ])("%s: sums in the order written, whatever else uses the terms", (_, sum) => {
    const inputs = [1, 2, 3, 4, 5].map((seed) => vector(seed, 1000));
    const eager = tf.tidy(() => values(inputs.map((x) => tf.exp(x)).reduce((a, b) => tf.add(a, b))));
    for (const used of [0, 1, 2, 3, 4]) {
      const fn = compileHere((...xs) => {
        // The optimizer knows the shapes of what is reshaped, not those of inputs.
        const terms = xs.map((x) => tf.exp(x.reshape([10, 100])));
        return [sum(terms), ...terms.slice(0, used)];
      });
      fn(...inputs);
      expect(values(fn(...inputs)[0]!.flatten())).toEqual(eager);
    }
  });

  it("keeps aliased inputs apart", () => {
    tf.tidy(() => {
      const subtract = compileHere((x, y) => [tf.sub(x, y)]);
      const x = vector();
      expect(values(subtract(x, x.clone())[0]!)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(values(subtract(tf.tensor1d([9, 9, 9, 9, 9, 9]), tf.ones([6]))[0]!)).toEqual([8, 8, 8, 8, 8, 8]);
    });
  });

  it("records one graph for each shape and type of the inputs", () => {
    tf.tidy(() => {
      let recorded = 0;
      const sum = compileHere((x) => {
        recorded++;
        return [tf.sum(x)];
      });
      const call = (t: Tensor) => sum(t)[0]!.dataSync()[0];
      expect([call(tf.ones([3])), call(tf.ones([3])), call(tf.ones([4])), call(tf.ones([2, 2]))]).toEqual([3, 3, 4, 4]);
      expect(recorded).toBe(3);
      expect(call(tf.ones([3], "int32"))).toBe(3);
      expect(recorded).toBe(4);
    });
  });

  it("gives the same numbers at the first call and later ones", () => {
    tf.tidy(() => {
      const fn = compileHere((x) => [tf.softmax(conv2d(x as Tensor4D, normalOnes(), undefined, 1))]);
      const x = image();
      const first = values(fn(x)[0]!);
      for (let i = 0; i < 3; i++) expect(values(fn(x)[0]!)).toEqual(first);
    });
  });

  it("records anew after dispose", () => {
    tf.tidy(() => {
      const fn = compileHere((x) => [tf.neg(x)]);
      const x = vector();
      fn(x);
      fn.dispose();
      fn.dispose();
      expect(values(fn(x)[0]!)).toEqual(values(tf.neg(x)));
    });
  });

  it("computes anew what is to come after something, with equal results", () => {
    tf.tidy(() => {
      const fn = (x: Tensor) => {
        const y = tf.exp(x);
        const late = tf.exp(after(x, y));
        return [tf.add(y, late)];
      };
      const x = vector();
      const compiled = compileHere(fn);
      for (let call = 0; call < 2; call++) expect(values(compiled(x)[0]!)).toEqual(values(fn(x)[0]!));
    });
  });

  it("keeps memory flat over calls", async () => {
    const fn = compileHere((x) => [tf.mul(x, 2)]);
    const x = vector();
    tf.dispose(fn(x));
    await expectNoLeak(() => {
      for (let i = 0; i < 50; i++) tf.dispose(fn(x));
    });
    x.dispose();
  });

  it("passes an error of the function on, and works after it", async () => {
    await expectNoLeak(() => {
      const product = compileHere((a, b) => [tf.matMul(a, b)]);
      const [a, b] = [normalTensor<Tensor2D>([2, 3], 1), normalTensor<Tensor2D>([2, 3], 2)];
      expect(() => product(a, b)).toThrow(/Matrix size-incompatible/);
      const [y] = tf.tidy(() => product(a, tf.transpose(b)));
      expect(y!.shape).toEqual([2, 2]);
      tf.dispose([a, b, y!]);
    });
  });
});

function normalOnes(): Tensor4D {
  return tf.tensor4d(
    Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    [1, 1, 4, 4],
  );
}
